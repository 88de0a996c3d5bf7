package api_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"lifeboat/history"
	"lifeboat/internal/testkit"
	"lifeboat/web/webtest"
)

// document reads the document as programs do.
func document(t *testing.T, w *world) (libopenapi.Document, validator.Validator) {
	t.Helper()
	_, body := w.call(t, "GET", "/api/v1/openapi.json", "")
	doc, err := libopenapi.NewDocument([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return doc, v
}

func TestTheDocumentIsValidOpenAPI(t *testing.T) {
	w := serve(t, history.View)
	doc, v := document(t, w)
	if doc.GetVersion() != "3.1.0" {
		t.Errorf("the document is OpenAPI %s, want 3.1.0", doc.GetVersion())
	}
	if ok, errs := v.ValidateDocument(); !ok {
		for _, e := range errs {
			t.Error(e)
			for _, s := range e.SchemaValidationErrors {
				t.Errorf("  %s at %s", s.Reason, s.FieldPath)
			}
		}
	}
	if _, errs := doc.BuildV3Model(); errs != nil {
		t.Error(errs)
	}
	_, body := w.call(t, "GET", "/api/v1/openapi.json", "")
	testkit.Golden(t, "openapi.json", body)
}

// operations is a call of every operation, and how it is to be answered.
var operations = []struct {
	id, method, path, body string
	status                 int
}{
	{"list-targets", "GET", "/targets?limit=1000", "", 200},
	{"list-targets", "GET", "/targets?verdict=failed&verdict=warned&search=s", "", 200},
	{"get-target", "GET", "/targets/billing", "", 200},
	{"get-target", "GET", "/targets/fresh-install", "", 200},
	{"get-target", "GET", "/targets/" + url.PathEscape(webtest.Hostile), "", 200},
	{"get-target", "GET", "/targets/nobody", "", 404},
	{"list-artifacts", "GET", "/targets/orders/artifacts", "", 200},
	{"list-artifacts", "GET", "/targets/nobody/artifacts", "", 404},
	{"start-drill", "POST", "/targets/wiki/drills", "", 202},
	{"start-drill", "POST", "/targets/orders/drills", `{"backup":"orders/orders-001.dump.zst"}`, 202},
	{"start-drill", "POST", "/targets/orders/drills", `{"backup":"nothing"}`, 422},
	{"start-drill", "POST", "/targets/nobody/drills", `{}`, 404},
	{"start-drill", "POST", "/targets/orders/drills", `{"backup":`, 400},
	{"list-drills", "GET", "/drills?limit=500", "", 200},
	{"list-drills", "GET", "/drills?target=billing&verdict=failed&state=finished", "", 200},
	{"list-drills", "GET", "/drills?cursor=x", "", 400},
	{"get-drill", "GET", "/drills/drill-0001", "", 200},
	{"get-drill", "GET", "/drills/nothing", "", 404},
	{"get-report", "GET", "/drills/drill-0001/report", "", 200},
	{"get-report", "GET", "/drills/nothing/report", "", 404},
	{"get-report", "GET", "/drills/drill-00/report", "", 409},
	{"get-queue", "GET", "/queue", "", 200},
	{"cancel-drill", "POST", "/drills/asked-0001/cancel", "", 202},
	{"cancel-drill", "POST", "/drills/asked-0001/cancel", "", 409},
	{"cancel-drill", "POST", "/drills/nothing/cancel", "", 404},
	{"list-alerts", "GET", "/alerts", "", 200},
	{"list-alerts", "GET", "/alerts?state=given-up&target=billing", "", 200},
	{"get-coverage", "GET", "/coverage", "", 200},
	{"list-conditions", "GET", "/conditions", "", 200},
	{"reload", "POST", "/reload", "", 200},
	{"notify-s3", "POST", "/notifications/s3", `{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"a+b%2Fc"}}}]}`, 202},
	{"notify-s3", "POST", "/notifications/s3", `{"Event":"s3:TestEvent"}`, 202},
	{"notify-s3", "POST", "/notifications/s3", `nonsense`, 400},
}

func TestEveryAnswerIsAsTheDocumentSays(t *testing.T) {
	w := serve(t, history.Operate)
	doc, v := document(t, w)
	called := map[string]bool{"follow-drills": true} // a stream without an end; it has tests of its own
	for _, o := range operations {
		called[o.id] = true
		t.Run(o.id+" "+o.path+" "+o.body, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), o.method, w.URL+"/api/v1"+o.path, strings.NewReader(o.body))
			if err != nil {
				t.Fatal(err)
			}
			if o.body != "" {
				req.Header.Set("Content-Type", "application/json")
			}
			res, err := w.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != o.status {
				t.Fatalf("answered %d, want %d: %s", res.StatusCode, o.status, b)
			}
			if bytes.Contains(b, []byte("<")) {
				t.Errorf("an answer holds what a browser could take for HTML: %s", b)
			}
			res.Body = io.NopCloser(bytes.NewReader(b))
			if ok, errs := v.ValidateHttpResponse(req, res); !ok {
				for _, e := range errs {
					t.Errorf("%s: %s", e.Message, e.Reason)
					for _, s := range e.SchemaValidationErrors {
						t.Errorf("  %s at %s", s.Reason, s.FieldPath)
					}
				}
				t.Logf("%.2000s", b)
			}
		})
	}
	model, err := doc.BuildV3Model()
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range model.Model.Paths.PathItems.FromOldest() {
		for method, op := range item.GetOperations().FromOldest() {
			if !called[op.OperationId] {
				t.Errorf("%s %s (%s) is never called here", method, path, op.OperationId)
			}
		}
	}
}
