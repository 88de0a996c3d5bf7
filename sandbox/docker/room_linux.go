package docker

import "syscall"

// diskSpace returns the bytes of the file system dir lies on; ok is false when dir is
// not there.
func diskSpace(dir string) (total, free int64, ok bool) {
	var fs syscall.Statfs_t
	if dir == "" || syscall.Statfs(dir, &fs) != nil {
		return 0, 0, false
	}
	return int64(fs.Blocks) * fs.Bsize, int64(fs.Bavail) * fs.Bsize, true
}
