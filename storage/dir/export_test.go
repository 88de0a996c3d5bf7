package dir

// SetPage makes listings of s hold n names of a folder at a time.
func SetPage(s *Source, n int) { s.page = n }
