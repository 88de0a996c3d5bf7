package configs

// Kinds of notifiers.
const (
	KindSlack   = "slack"
	KindWebhook = "webhook"
)

// Notifier is somebody who is told.
type Notifier struct {
	Kind string `yaml:"kind" need:"yes" enum:"slack,webhook" doc:"slack, or webhook for a signed POST."`

	Token      Secret `yaml:"token" only:"slack" doc:"Bot token; it needs a channel."`
	Channel    string `yaml:"channel" only:"slack" is:"line" doc:"Channel to write to, with a token."`
	WebhookURL Secret `yaml:"webhook_url" only:"slack" is:"url" doc:"Incoming webhook, instead of token and channel."`

	URL    Secret `yaml:"url" only:"webhook" need:"yes" is:"url" doc:"Address to POST to. It is treated as a secret, because such addresses often are."`
	Secret Secret `yaml:"secret" only:"webhook" doc:"Key of the HMAC-SHA256 signature sent along."`
}
