package configs

// Kinds of notifiers.
const (
	KindSlack     = "slack"
	KindWebhook   = "webhook"
	KindEmail     = "email"
	KindPagerDuty = "pagerduty"
	KindService   = "service"
)

// EmailPlain is the tls of a mail server on this machine that does not encrypt.
const EmailPlain = "none"

// Notifier is somebody who is told.
type Notifier struct {
	Kind string `yaml:"kind" need:"yes" enum:"slack,webhook,email,pagerduty,service" doc:"slack, webhook for a signed POST, email, pagerduty, or service for the many others."`

	Token      Secret `yaml:"token" only:"slack" doc:"Bot token; it needs a channel."`
	Channel    string `yaml:"channel" only:"slack" is:"line" doc:"Channel to write to, with a token."`
	WebhookURL Secret `yaml:"webhook_url" only:"slack" is:"url" doc:"Incoming webhook, instead of token and channel."`
	API        string `yaml:"api" only:"slack" is:"url" doc:"Address of Slack's API, where it is not Slack's own."`

	URL    Secret `yaml:"url" only:"webhook,service" need:"yes" doc:"Address to send to. It is treated as a secret, because such addresses often are. Of a service: SCHEME://..., as docs/alerts.md lists them."`
	Secret Secret `yaml:"secret" only:"webhook" doc:"Key of the HMAC-SHA256 signature sent along."`

	Server   string   `yaml:"server" only:"email" need:"yes" is:"mailserver" doc:"Mail server, with or without a port."`
	TLS      string   `yaml:"tls" only:"email" default:"starttls" enum:"starttls,tls,none" doc:"How the connection is encrypted; none is for a server on this machine."`
	Username string   `yaml:"username" only:"email" doc:"Name to log in with."`
	Password Secret   `yaml:"password" only:"email" doc:"Password that belongs to username."`
	From     string   `yaml:"from" only:"email" need:"yes" is:"email" doc:"Address of the sender."`
	To       []string `yaml:"to" only:"email" need:"yes" is:"email" doc:"Addresses of the receivers."`

	RoutingKey Secret `yaml:"routing_key" only:"pagerduty" need:"yes" doc:"Integration key of a service, for Events API v2."`
	Endpoint   string `yaml:"endpoint" only:"pagerduty" default:"https://events.pagerduty.com/v2/enqueue" is:"url" doc:"Where events are sent to."`

	Fallback string `yaml:"fallback" doc:"Name of the notifier that is told when this one gives up."`
}
