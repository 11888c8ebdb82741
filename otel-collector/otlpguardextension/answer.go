package otlpguardextension

import (
	"bytes"
	"mime"
	"net/http"
)

// answer says what hindered reading a body: the receiver itself answers 400 for all of it, which tells a sender to give up.
// And it says 400 for JSON that is none where the receiver says 500, which some senders repeat.
type answer struct {
	http.ResponseWriter
	body   *counted
	asJSON bool
	held   bool // a 500, until it is known what it says
}

// unwritable is what the receiver says when it can't repeat a part of the body that it couldn't read: one that isn't UTF-8,
// or begins in the middle of a letter.
var unwritable = []byte("failed to marshal error message")

// unreadable is a google.rpc.Status, as OTLP has it: INVALID_ARGUMENT.
var unreadable = []byte(`{"code":3,"message":"the body is no OTLP in JSON"}`)

func isJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

// WriteHeader begins the answer.
func (a *answer) WriteHeader(status int) {
	if status == http.StatusBadRequest && a.body.status != 0 {
		status = a.body.status
		a.body.budget.refused(status)
		if status == http.StatusServiceUnavailable {
			a.Header().Set("Retry-After", "1")
		}
	}
	if a.held = a.asJSON && status == http.StatusInternalServerError; !a.held {
		a.ResponseWriter.WriteHeader(status)
	}
}

// Write goes on with it.
func (a *answer) Write(said []byte) (int, error) {
	if a.held && bytes.Contains(said, unwritable) {
		a.held = false
		a.ResponseWriter.WriteHeader(http.StatusBadRequest)
		_, err := a.ResponseWriter.Write(unreadable)
		return len(said), err
	}
	a.release()
	return a.ResponseWriter.Write(said)
}

func (a *answer) release() {
	if a.held {
		a.held = false
		a.ResponseWriter.WriteHeader(http.StatusInternalServerError)
	}
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
