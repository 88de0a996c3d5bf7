package configs

import "time"

// Kinds of sources.
const (
	KindS3  = "s3"
	KindDir = "dir"
)

// Source is a bucket or a folder where backups lie.
type Source struct {
	Kind string `yaml:"kind" need:"yes" enum:"s3,dir" doc:"s3 for S3-compatible object storage, dir for a folder."`

	Endpoint     string        `yaml:"endpoint" only:"s3" default:"s3.amazonaws.com" is:"endpoint" doc:"Host and port of the storage; http:// in front of it means without TLS."`
	Region       string        `yaml:"region" only:"s3" is:"word" doc:"Region of the bucket; asked of the storage when it is not set."`
	Bucket       string        `yaml:"bucket" only:"s3" need:"yes" is:"bucket" doc:"Name of the bucket."`
	Prefix       string        `yaml:"prefix" only:"s3" doc:"Folder in the bucket that is taken for its top."`
	AccessKey    Secret        `yaml:"access_key" only:"s3" doc:"Access key. Without one, the environment, the shared credentials file and the machine's role are asked."`
	SecretKey    Secret        `yaml:"secret_key" only:"s3" doc:"Secret key that belongs to access_key."`
	SessionToken Secret        `yaml:"session_token" only:"s3" doc:"Session token of temporary keys."`
	Anonymous    bool          `yaml:"anonymous" only:"s3" doc:"Read without any key."`
	CAFile       string        `yaml:"ca_file" only:"s3" is:"path" doc:"PEM file of authorities to trust besides the system's."`
	Insecure     bool          `yaml:"insecure" only:"s3" doc:"Talk plain HTTP. Keys and backups then cross the network in the clear."`
	PathStyle    string        `yaml:"path_style" only:"s3" default:"auto" enum:"auto,path,virtual" doc:"Whether the bucket's name stands in the path or in the host name."`
	Timeout      time.Duration `yaml:"timeout" only:"s3" default:"20s" min:"1s" max:"1h" doc:"How long the storage may take to answer one operation, retries included."`

	Path string `yaml:"path" only:"dir" need:"yes" is:"path" doc:"Folder with the backups. A relative path is below the folder of the configuration file."`
}
