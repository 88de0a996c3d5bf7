package configs

import "time"

// OnNewBackup is the schedule of a target that is drilled whenever a backup appears.
const OnNewBackup = "on-new-backup"

// Runners a target may ask for.
const (
	RunnerAuto    = "auto"
	RunnerDocker  = "docker"
	RunnerProcess = "process"
)

// Target is one series of backups that must keep proving itself.
type Target struct {
	Source       string        `yaml:"source" need:"yes" doc:"Name of the source the backups lie in."`
	Match        string        `yaml:"match" need:"yes" is:"match" doc:"Pattern of the backups' names below the source's bucket and prefix, or folder."`
	Engine       string        `yaml:"engine" enum:"postgres,sqlite" doc:"Kind of database; recognised from the bytes when it is not set."`
	Decrypt      Decrypt       `yaml:"decrypt" doc:"Keys for encrypted backups. Which of them is needed shows in the bytes."`
	Schedule     string        `yaml:"schedule" is:"schedule" doc:"When to drill: five cron fields, @hourly, @daily, @weekly, @monthly, @every 6h, or on-new-backup. Not set: only when asked to."`
	Timezone     string        `yaml:"timezone" default:"UTC" is:"timezone" doc:"Time zone of schedule and maintenance."`
	Jitter       time.Duration `yaml:"jitter" min:"1s" max:"24h" doc:"Drills begin up to this long after their time, each target at a moment of its own, so that many do not begin at once."`
	Maintenance  []string      `yaml:"maintenance" is:"window" doc:"Windows such as sat-sun 22:00-04:00 in which no drill begins by itself. What is due then begins when the window ends."`
	Poll         time.Duration `yaml:"poll" min:"10s" max:"24h" doc:"How often the source is listed for new backups, with on-new-backup. Not set: server.poll."`
	Objectives   Objectives    `yaml:"objectives" doc:"What was promised about these backups."`
	Sandbox      Sandbox       `yaml:"sandbox" doc:"Limits of the place the backup is restored into."`
	Checks       []CheckConfig `yaml:"checks" doc:"Questions asked besides those that need no words."`
	Ignore       []Ignore      `yaml:"ignore" doc:"Results that are accepted, each with its reason. Reports keep showing them."`
	CompleteWhen string        `yaml:"complete_when" is:"suffix" doc:"Name of the marker that a backup job writes last: .done appended to the name of the backup, or a file inside of a directory. A backup without its marker is unfinished."`
	Notify       []string      `yaml:"notify" doc:"Names of the notifiers of the owners: they are told when a backup is bad, and when it is good again."`
	Operators    []string      `yaml:"operators" doc:"Names of the notifiers told when drills could not tell, or none came. Not set: server.operators."`
	Heartbeat    Secret        `yaml:"heartbeat" is:"url" doc:"Address that is asked after each drill that ended in a verdict, such as one of healthchecks.io. Whoever watches it notices when drills stop."`
}

// Objectives of a target. Zero means that none was set.
type Objectives struct {
	RPO time.Duration `yaml:"rpo" min:"1s" doc:"Recovery point objective: the newest backup may be at most this old."`
	RTO time.Duration `yaml:"rto" min:"1s" doc:"Recovery time objective: a restore may take at most this long."`

	MaxAgeProof time.Duration `yaml:"max_age_proof" min:"1m" doc:"The last proof that a backup restores may be at most this old, or an alert says that it is overdue."`
}

// Sandbox limits the place a backup is restored into.
type Sandbox struct {
	CPUs    float64       `yaml:"cpus" default:"2" min:"0.1" max:"1024" doc:"Processor cores; also how many jobs restore at once."`
	Memory  Size          `yaml:"memory" default:"2GiB" min:"64MiB" doc:"Memory; there is no swap."`
	Disk    Size          `yaml:"disk" default:"50GiB" min:"16MiB" doc:"Disk for the dump and the restored database together."`
	Timeout time.Duration `yaml:"timeout" default:"2h" min:"1s" max:"7d" doc:"How long a drill may take. The sandbox dies by itself then."`
	Image   string        `yaml:"image" is:"image" doc:"Image to use instead of the one inferred from the dump."`
	Pids    int64         `yaml:"pids" default:"512" min:"16" max:"1000000" doc:"Processes and threads."`
	Runner  string        `yaml:"runner" default:"auto" enum:"auto,docker,process" doc:"docker, process (the host's own server programs), or auto: docker where it is reachable."`
}

// Decrypt holds the keys that open a target's backups.
type Decrypt struct {
	Age     *Age     `yaml:"age" doc:"For backups encrypted with age."`
	OpenPGP *OpenPGP `yaml:"openpgp" doc:"For backups encrypted with OpenPGP, by gpg for example."`
	OpenSSL *OpenSSL `yaml:"openssl" doc:"For backups encrypted with openssl enc."`
}

// Age opens age files: with an identity, or with a passphrase.
type Age struct {
	Identity   Secret `yaml:"identity" doc:"Identity file's contents, one or more AGE-SECRET-KEY lines."`
	Passphrase Secret `yaml:"passphrase" doc:"Passphrase of a file encrypted with age -p."`
}

// OpenPGP opens OpenPGP messages: with a private key, or with a passphrase alone.
type OpenPGP struct {
	Key        Secret `yaml:"key" doc:"Private key, armored or binary."`
	Passphrase Secret `yaml:"passphrase" doc:"Passphrase of the key; without a key, of the symmetrically encrypted message."`
}

// OpenSSL opens what openssl enc wrote. The file itself does not say how.
type OpenSSL struct {
	Password   Secret `yaml:"password" need:"yes" doc:"Password given to openssl enc."`
	Cipher     string `yaml:"cipher" default:"aes-256-cbc" enum:"aes-128-cbc,aes-192-cbc,aes-256-cbc,aes-128-ctr,aes-192-ctr,aes-256-ctr,des-ede3-cbc" doc:"Cipher given to openssl enc."`
	Digest     string `yaml:"digest" default:"sha256" enum:"md5,sha1,sha224,sha256,sha384,sha512" doc:"Digest given with -md."`
	Iterations int    `yaml:"iterations" default:"10000" min:"0" max:"10000000" doc:"Iterations given with -iter; 10000 is that of -pbkdf2 alone, 0 stands for the old key derivation without -pbkdf2."`
}

// Ignore accepts results of one code.
type Ignore struct {
	Code    string `yaml:"code" need:"yes" is:"code" doc:"Code of the result, such as role_absent. Codes of our own accidents cannot be ignored."`
	Subject string `yaml:"subject" is:"line" doc:"What the result is about; * stands for any text and ? for one character. Not set: all."`
	Reason  string `yaml:"reason" need:"yes" is:"reason" doc:"Why this is accepted, for whoever reads the report."`
}
