package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"lifeboat/history"
)

// notificationMax bounds what a storage sends at once. The services send 256 KiB at most.
const notificationMax = 1 << 20

type notificationInput struct {
	RawBody []byte `contentType:"application/json"`
}

// notification is what S3 and its kin send. Only what is needed of it is read.
type notification struct {
	Records []struct {
		EventName string `json:"eventName"`
		S3        struct {
			Bucket struct {
				Name string `json:"name"`
			} `json:"bucket"`
			Object struct {
				Key string `json:"key"` // as in the query of an address
			} `json:"object"`
		} `json:"s3"`
	} `json:"Records"`
}

type notificationOutput struct {
	Body struct {
		Objects int `json:"objects" doc:"that were stored"`
		Targets int `json:"targets" doc:"that are looked at because of it"`
	}
}

func (a *API) notifications() {
	text := func() *huma.Schema { return &huma.Schema{Type: huma.TypeString} }
	form := func(p map[string]*huma.Schema) *huma.Schema {
		return &huma.Schema{Type: huma.TypeObject, Properties: p}
	}
	schema := form(map[string]*huma.Schema{"Records": {Type: huma.TypeArray, Items: form(map[string]*huma.Schema{
		"eventName": text(),
		"s3": form(map[string]*huma.Schema{
			"bucket": form(map[string]*huma.Schema{"name": text()}),
			"object": form(map[string]*huma.Schema{"key": text()}),
		}),
	})}})
	register(a, history.Operate, huma.Operation{
		OperationID: "notify-s3", Method: http.MethodPost, Path: "/notifications/s3", Tags: []string{"Service"}, Summary: "Tell of new objects",
		Description: "Takes bucket notifications in the form of S3, as Amazon, MinIO, Ceph and versitygw send them. Targets to which a new object " +
			"may belong are looked at. News that says nothing of new objects, such as a test, is accepted.",
		DefaultStatus: http.StatusAccepted, MaxBodyBytes: notificationMax, SkipValidateBody: true,
		Errors: []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge},
	}, a.notifyS3)
	body := a.huma.OpenAPI().Paths["/notifications/s3"].Post.RequestBody
	body.Content["application/json"].Schema = schema
}

func (a *API) notifyS3(ctx context.Context, in *notificationInput) (*notificationOutput, error) {
	stored, err := storedObjects(in.RawBody)
	if err != nil {
		return nil, err
	}
	out := &notificationOutput{}
	out.Body.Objects = len(stored)
	for _, o := range stored {
		out.Body.Targets += a.Service.Appeared(ctx, o.bucket, o.key)
	}
	return out, nil
}

type object struct{ bucket, key string }

// storedObjects are the objects that a notification says were stored, each once.
func storedObjects(body []byte) ([]object, error) {
	var n notification
	if err := json.Unmarshal(body, &n); err != nil {
		return nil, fmt.Errorf("%w: the body is not a notification of S3", errInput)
	}
	var list []object
	seen := make(map[object]bool)
	for _, r := range n.Records {
		event := strings.TrimPrefix(r.EventName, "s3:")
		stored := strings.HasPrefix(event, "ObjectCreated:") || strings.HasPrefix(event, "ObjectRestore:Completed")
		key, err := url.QueryUnescape(r.S3.Object.Key)
		if err != nil {
			key = r.S3.Object.Key // some send it as it is
		}
		o := object{r.S3.Bucket.Name, key}
		if !stored || o.key == "" || o.bucket == "" || seen[o] {
			continue
		}
		seen[o] = true
		list = append(list, o)
	}
	return list, nil
}
