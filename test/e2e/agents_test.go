package e2e

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// agents is the part of SSM that moto does not have: commands, and the agents that
// run them. It answers as SSM does where that has surprised somebody: 51 hosts are
// throttling, one unmanaged host refuses all of them, results are not there right
// after sending, and output is cut.
type agents struct {
	documents func() (document, error)     // the document as moto keeps it
	trouble   func(operation string) error // what goes wrong with a call
	dir       string                       // scripts as agents put them on disk
	slots     chan struct{}                // hosts that run at once
	running   sync.WaitGroup

	mu       sync.Mutex
	hosts    map[string]*host // managed, by instance id
	commands []*command
}

// document is what SendCommand is checked against and what agents run.
type document struct {
	Name, Version, Hash string
	Content             struct {
		Parameters map[string]struct {
			AllowedPattern string `json:"allowedPattern"`
		} `json:"parameters"`
		MainSteps []struct {
			Inputs struct {
				RunCommand []string `json:"runCommand"`
			} `json:"inputs"`
		} `json:"mainSteps"`
	}
}

// sendCommand is the request as the SDK sends it.
type sendCommand struct {
	DocumentName, DocumentVersion, DocumentHash, DocumentHashType string

	InstanceIds    []string
	Parameters     map[string][]string
	Comment        string
	MaxConcurrency string
	MaxErrors      string
	TimeoutSeconds int
}

// command is one command that was sent: what came in, and what became of it.
type command struct {
	ID string `json:"CommandId"`
	sendCommand
	Invocations []*invocationOf

	asked bool // the first question after sending finds nothing
}

// invocationOf is a command on one host.
type invocationOf struct {
	Host, Status, Details, Stdout string

	stop chan struct{} // closed to cancel it
}

// ssmError is an error as SSM names it.
type ssmError struct{ kind, message string }

func (e ssmError) Error() string { return e.kind + ": " + e.message }

// errLost is what trouble returns to have the answer lost, after all was done.
var errLost = errors.New("lost")

// serve answers the operations that moto lacks and leaves the others to it.
func (a *agents) serve(w http.ResponseWriter, r *http.Request, operation string) bool {
	do, ours := map[string]func(*http.Request) (any, error){
		"SendCommand":                 func(r *http.Request) (any, error) { return answer(r, a.send) },
		"ListCommandInvocations":      func(r *http.Request) (any, error) { return answer(r, a.list) },
		"GetCommandInvocation":        func(r *http.Request) (any, error) { return answer(r, a.get) },
		"ListCommands":                func(r *http.Request) (any, error) { return answer(r, a.listCommands) },
		"CancelCommand":               func(r *http.Request) (any, error) { return answer(r, a.cancel) },
		"DescribeInstanceInformation": func(r *http.Request) (any, error) { return answer(r, a.describe) },
	}[operation]
	if !ours {
		return false
	}
	var out any
	err := a.trouble(operation)
	lost := errors.Is(err, errLost)
	if err == nil || lost {
		out, err = do(r)
	}
	if lost {
		panic(http.ErrAbortHandler) // closes the connection
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err != nil {
		e := ssmError{"InternalServerError", err.Error()}
		_ = errors.As(err, &e)
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]string{"__type": e.kind, "message": e.message}
	}
	_ = json.NewEncoder(w).Encode(out) // the client may be gone
	return true
}

func answer[In any](r *http.Request, do func(In) (any, error)) (any, error) {
	var in In
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, ssmError{"ValidationException", err.Error()}
	}
	return do(in)
}

func (a *agents) send(in sendCommand) (any, error) {
	doc, err := a.documents()
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.check(in, doc); err != nil {
		return nil, err
	}
	c := &command{ID: newID(), sendCommand: in}
	for _, id := range in.InstanceIds {
		i := &invocationOf{Host: id, Status: "Pending", Details: "Pending", stop: make(chan struct{})}
		c.Invocations = append(c.Invocations, i)
		a.begin(a.hosts[id], c, i, doc)
	}
	a.commands = append(a.commands, c)
	return map[string]any{"Command": map[string]any{"CommandId": c.ID, "Status": "Pending", "DocumentName": in.DocumentName}}, nil
}

// check is what SSM checks of a command.
func (a *agents) check(in sendCommand, doc document) error {
	switch {
	case len(in.InstanceIds) > 50:
		return ssmError{"ThrottlingException", "Rate exceeded"}
	case in.DocumentName != doc.Name:
		return ssmError{"InvalidDocument", "no document " + in.DocumentName}
	case in.DocumentVersion != doc.Version:
		return ssmError{"InvalidDocumentVersion", "no version " + in.DocumentVersion}
	case in.DocumentHashType != "Sha256" || in.DocumentHash != doc.Hash:
		return ssmError{"InvalidDocument", "the document does not have this hash"}
	case in.TimeoutSeconds < 30:
		return ssmError{"ValidationException", "TimeoutSeconds is at least 30"}
	case len(in.Comment) > 100:
		return ssmError{"ValidationException", "Comment has at most 100 characters"}
	}
	for _, id := range in.InstanceIds {
		if h := a.hosts[id]; h == nil || !h.managed {
			return ssmError{"InvalidInstanceId", ""}
		}
	}
	return checkParameters(in.Parameters, doc)
}

func checkParameters(values map[string][]string, doc document) error {
	for name, value := range values {
		p, ok := doc.Content.Parameters[name]
		if !ok || len(value) != 1 || !regexp.MustCompile(p.AllowedPattern).MatchString(value[0]) {
			return ssmError{"InvalidParameters", fmt.Sprintf("%s=%v", name, value)} // SSM repeats what it was sent
		}
	}
	for name := range doc.Content.Parameters {
		if len(values[name]) == 0 {
			return ssmError{"InvalidParameters", "missing " + name}
		}
	}
	return nil
}

type listRequest struct {
	CommandId, InstanceId, NextToken string
	Details                          bool
	MaxResults                       int
}

func (a *agents) list(in listRequest) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.find(in.CommandId)
	if c == nil {
		return nil, ssmError{"InvalidCommandId", ""}
	}
	if !c.asked { // not everywhere yet
		c.asked = true
		return map[string]any{"CommandInvocations": []any{}}, nil
	}
	from, _ := strconv.Atoi(in.NextToken) // "" is 0
	to := min(len(c.Invocations), from+max(1, min(50, in.MaxResults)))
	var page []any
	for _, i := range c.Invocations[from:to] {
		page = append(page, i.listed(c.ID, in.Details))
	}
	out := map[string]any{"CommandInvocations": page}
	if to < len(c.Invocations) {
		out["NextToken"] = strconv.Itoa(to)
	}
	return out, nil
}

// listed is an invocation as it is listed: with details, its output cut early.
func (i *invocationOf) listed(commandID string, details bool) map[string]any {
	out := map[string]any{
		"CommandId": commandID, "InstanceId": i.Host, "Status": i.Status, "StatusDetails": i.Details,
		"CommandPlugins": []any{},
	}
	if details && i.final() {
		out["CommandPlugins"] = []any{map[string]any{
			"Name": "collect", "Status": i.Status, "StatusDetails": i.Details, "Output": cut(i.Stdout, 2400),
		}}
	}
	return out
}

func cut(s string, limit int) string {
	const mark = "\n---Output truncated---"
	if len(s) <= limit {
		return s
	}
	return s[:limit-len(mark)] + mark
}

func (i *invocationOf) final() bool {
	return slices.Contains([]string{"Success", "Failed", "TimedOut", "Cancelled"}, i.Status)
}

func (a *agents) get(in listRequest) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.find(in.CommandId)
	if c == nil {
		return nil, ssmError{"InvalidCommandId", ""}
	}
	known := c.asked
	c.asked = true
	for _, i := range c.Invocations {
		if known && i.Host == in.InstanceId {
			return map[string]any{
				"CommandId": c.ID, "InstanceId": i.Host, "Status": i.Status, "StatusDetails": i.Details,
				"StandardOutputContent": cut(i.Stdout, 24000),
			}, nil
		}
	}
	return nil, ssmError{"InvocationDoesNotExist", ""}
}

func (a *agents) cancel(in listRequest) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.find(in.CommandId)
	if c == nil {
		return nil, ssmError{"InvalidCommandId", ""}
	}
	c.cancel()
	return map[string]any{}, nil
}

// cancel stops the command where it has not ended.
func (c *command) cancel() {
	for _, i := range c.Invocations {
		if !i.final() {
			i.Status, i.Details = "Cancelled", "Cancelled"
			close(i.stop)
		}
	}
}

type describeRequest struct {
	Filters []struct {
		Key    string
		Values []string
	}
	MaxResults int
}

func (a *agents) describe(in describeRequest) (any, error) {
	if len(in.Filters) != 1 || in.Filters[0].Key != "InstanceIds" || len(in.Filters[0].Values) > 100 {
		return nil, ssmError{"InvalidInstanceInformationFilterValue", ""}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	list := []any{}
	for _, id := range in.Filters[0].Values {
		if h := a.hosts[id]; h != nil && h.managed {
			list = append(list, map[string]any{
				"InstanceId": id, "PingStatus": h.ping(), "PlatformType": h.platform(), "AgentVersion": "3.3.3050.0",
			})
		}
	}
	return map[string]any{"InstanceInformationList": list}, nil
}

func (a *agents) find(id string) *command {
	for _, c := range a.commands {
		if strings.EqualFold(c.ID, id) {
			return c
		}
	}
	return nil
}

// newID makes an id of the form that SSM's have.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
