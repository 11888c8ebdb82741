package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// outage is what POST /control asks for: this answer instead of the right one, for paths that begin with one of Paths
// (none: for all), Times times (0: until told otherwise).
type outage struct {
	Status int      `json:"status"`
	Paths  []string `json:"paths"`
	Times  int      `json:"times"`
}

// received is one request of the intake, as GET /recorded/requests shows it.
type received struct {
	Time     time.Time `json:"time"`
	Method   string    `json:"method"`
	Path     string    `json:"path"`
	Encoding string    `json:"encoding"`
	Type     string    `json:"type"`
	Bytes    int       `json:"bytes"` // decompressed
	Status   int       `json:"status"`
	Error    string    `json:"error,omitempty"`
}

// recorded is everything kept since the start or the last DELETE /recorded.
type recorded struct {
	requests []received
	metrics  []metric
	logs     []map[string]any
	spans    []span
}

type recorder struct {
	key    string
	mutex  sync.Mutex
	kept   recorded
	outage outage
}

func newRecorder(key string) *recorder { return &recorder{key: key} }

func (r *recorder) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", r.intake)
	mux.HandleFunc("POST /control", r.control)
	mux.HandleFunc("DELETE /recorded", func(w http.ResponseWriter, _ *http.Request) {
		r.mutex.Lock()
		r.kept = recorded{}
		r.mutex.Unlock()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /recorded/requests", func(w http.ResponseWriter, q *http.Request) {
		path := q.FormValue("path")
		list(r, w, func(k *recorded) []received { return k.requests }, func(one received) bool {
			return strings.HasPrefix(one.Path, path)
		})
	})
	mux.HandleFunc("GET /recorded/metrics", func(w http.ResponseWriter, q *http.Request) {
		name := q.FormValue("name")
		tags := q.Form["tag"]
		list(r, w, func(k *recorded) []metric { return k.metrics }, func(one metric) bool {
			missing := func(tag string) bool { return !slices.Contains(one.Tags, tag) }
			return (name == "" || one.Name == name) && !slices.ContainsFunc(tags, missing)
		})
	})
	mux.HandleFunc("GET /recorded/logs", func(w http.ResponseWriter, q *http.Request) {
		contains := q.FormValue("contains")
		list(r, w, func(k *recorded) []map[string]any { return k.logs }, func(one map[string]any) bool {
			message, _ := one["message"].(string)
			return strings.Contains(message, contains)
		})
	})
	mux.HandleFunc("GET /recorded/spans", func(w http.ResponseWriter, q *http.Request) {
		id := q.FormValue("trace_id")
		list(r, w, func(k *recorded) []span { return k.spans }, func(one span) bool {
			return id == "" || one.TraceID == id || one.TraceIDLow == id
		})
	})
	return mux
}

// intake answers everything that is not a question to the recorder itself, as the intake would where its answer matters.
func (r *recorder) intake(w http.ResponseWriter, request *http.Request) {
	body, err := readBody(request)
	entry := received{
		Time: time.Now().UTC(), Method: request.Method, Path: request.URL.Path, Bytes: len(body),
		Encoding: request.Header.Get("Content-Encoding"), Type: request.Header.Get("Content-Type"),
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	entry.Status = r.refusal(request)
	if entry.Status == 0 && err == nil {
		err = r.keep(request.URL.Path, entry.Type, body)
	}
	answer := map[string]any{}
	switch {
	case entry.Status != 0:
		answer["errors"] = []string{http.StatusText(entry.Status)}
	case err != nil:
		entry.Status, entry.Error = http.StatusBadRequest, err.Error()
		answer["errors"] = []string{entry.Error}
	case strings.HasPrefix(entry.Path, "/api/v1/validate"):
		entry.Status, answer["valid"] = http.StatusOK, true
	case request.Method == http.MethodGet:
		entry.Status = http.StatusOK
	default:
		entry.Status = http.StatusAccepted
	}
	r.kept.requests = append(r.kept.requests, entry)
	writeJSON(w, entry.Status, answer)
}

// refusal is the status of an ordered outage or of a wrong key, and 0 where the request is to be taken.
func (r *recorder) refusal(request *http.Request) int {
	ordered := func(prefix string) bool { return strings.HasPrefix(request.URL.Path, prefix) }
	if r.outage.Status != 0 && (len(r.outage.Paths) == 0 || slices.ContainsFunc(r.outage.Paths, ordered)) {
		status := r.outage.Status
		if r.outage.Times > 0 {
			if r.outage.Times--; r.outage.Times == 0 {
				r.outage = outage{}
			}
		}
		return status
	}
	key := request.Header.Get("DD-API-KEY")
	if key == "" {
		key = request.URL.Query().Get("api_key")
	}
	if key == "" || (r.key != "" && key != r.key) {
		return http.StatusForbidden
	}
	return 0
}

// keep decodes what it knows; every other path is only noted.
func (r *recorder) keep(path, contentType string, body []byte) error {
	switch {
	case len(body) == 0 || string(body) == "{}":
		return nil // a probe of the connection
	case path == "/api/v2/series":
		decode := decodeSeries
		if strings.HasPrefix(contentType, "application/json") {
			decode = decodeJSONSeries
		}
		metrics, err := decode(body)
		r.kept.metrics = append(r.kept.metrics, metrics...)
		return err
	case path == "/api/beta/sketches":
		metrics, err := decodeSketches(body)
		r.kept.metrics = append(r.kept.metrics, metrics...)
		return err
	case path == "/api/v2/logs" || strings.HasPrefix(path, "/v1/input"):
		logs, err := decodeLogs(body)
		r.kept.logs = append(r.kept.logs, logs...)
		return err
	case path == "/v1/logs":
		logs, err := decodeOTLPLogs(body)
		r.kept.logs = append(r.kept.logs, logs...)
		return err
	case path == "/api/v0.2/traces":
		spans, err := decodeSpans(body)
		r.kept.spans = append(r.kept.spans, spans...)
		return err
	}
	return nil
}

func (r *recorder) control(w http.ResponseWriter, request *http.Request) {
	var ordered outage
	if err := json.NewDecoder(request.Body).Decode(&ordered); err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]any{"errors": []string{err.Error()}})
		return
	}
	if ordered.Status == http.StatusOK {
		ordered = outage{}
	}
	r.mutex.Lock()
	r.outage = ordered
	r.mutex.Unlock()
	writeJSON(w, http.StatusOK, ordered)
}

func list[T any](r *recorder, w http.ResponseWriter, all func(*recorded) []T, wanted func(T) bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	found := []T{}
	for _, one := range all(&r.kept) {
		if wanted(one) {
			found = append(found, one)
		}
	}
	writeJSON(w, http.StatusOK, found)
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
