package patienceextension

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"
)

// longest is how much of an answer is read before it is handed on, in bytes; Elasticsearch's longest has a line a document.
const longest = 16 << 20

var errSilence = errors.New("silence")

// waiting is a RoundTripper whose errors are those that exporters try again.
type waiting struct {
	next    http.RoundTripper
	silence time.Duration
	told    *telling
}

// RoundTrip sends once. The answer comes back with its body read, so that one which stops halfway is tried again too.
func (w *waiting) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, end := context.WithCancelCause(request.Context())
	timer := time.AfterFunc(w.silence, func() { end(errSilence) })
	stop := func() { timer.Stop(); end(nil) }
	moved := func() { timer.Reset(w.silence) }

	sent := request.Clone(ctx)
	if request.Body != nil && request.Body != http.NoBody {
		sent.Body = &moving{ReadCloser: request.Body, moved: moved}
	}
	response, err := w.next.RoundTrip(sent)
	if err != nil {
		stop()
		return nil, w.failed(ctx, err)
	}
	body := &moving{ReadCloser: response.Body, moved: moved}
	begin, err := io.ReadAll(io.LimitReader(body, longest))
	if err != nil {
		_ = response.Body.Close()
		stop()
		return nil, w.failed(ctx, fmt.Errorf("its answer broke off: %w", err))
	}
	if what := toWaitFor(response, begin); what != "" {
		_ = response.Body.Close()
		stop()
		return nil, w.told.waits(response.StatusCode, what)
	}
	response.Body = &read{Reader: io.MultiReader(bytes.NewReader(begin), body), closed: response.Body, stop: stop}
	return response, nil
}

// failed makes of silence an error of its own: a cancelled context is what an exporter gives up for.
func (w *waiting) failed(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errSilence) {
		return w.told.waits(0, fmt.Sprintf("no answer within %s", w.silence))
	}
	return err
}

// toWaitFor says what hinders, if it is something between here and the backend, or the backend's settings; "" otherwise.
func toWaitFor(response *http.Response, begin []byte) string {
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusProxyAuthRequired:
		return fmt.Sprintf("answered %d %s", response.StatusCode, http.StatusText(response.StatusCode))
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther:
		// Followed, these make a GET without data of the request.
		return fmt.Sprintf("answered %d: sent on to another page, such as a login", response.StatusCode)
	}
	if response.StatusCode >= 200 && response.StatusCode < 300 && isPage(response.Header.Get("Content-Type"), begin) {
		return fmt.Sprintf("answered %d with a web page, such as a login", response.StatusCode)
	}
	return ""
}

// isPage looks at the body too: some frameworks call every answer text/html, an empty one as well.
func isPage(contentType string, begin []byte) bool {
	kind, _, _ := mime.ParseMediaType(contentType)
	if kind != "text/html" && kind != "application/xhtml+xml" {
		return false
	}
	return bytes.HasPrefix(bytes.TrimSpace(begin), []byte("<"))
}

// moving tells when something of a body moved.
type moving struct {
	io.ReadCloser
	moved func()
}

func (m *moving) Read(into []byte) (int, error) {
	n, err := m.ReadCloser.Read(into)
	if n > 0 {
		m.moved()
	}
	return n, err
}

// read is a body of which the beginning is here already.
type read struct {
	io.Reader
	closed io.Closer
	stop   func()
}

func (r *read) Close() error {
	err := r.closed.Close()
	r.stop()
	return err
}
