package e2e

import (
	"strconv"
	"time"
)

// listCommandsRequest is the request as the SDK sends it.
type listCommandsRequest struct {
	NextToken  string
	MaxResults int
	Filters    []struct{ Key, Value string } `json:"Filters"`
}

// listCommands lists what was sent, the latest first, a page of two at a time: SSM
// may return less than it was asked for.
func (a *agents) listCommands(in listCommandsRequest) (any, error) {
	name := ""
	for _, f := range in.Filters {
		switch f.Key {
		case "DocumentName":
			name = f.Value
		case "InvokedAfter":
			if _, err := time.Parse(time.RFC3339, f.Value); err != nil {
				return nil, ssmError{"InvalidFilterKey", f.Value}
			}
		default:
			return nil, ssmError{"InvalidFilterKey", f.Key}
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	page := []any{}
	from, _ := strconv.Atoi(in.NextToken) // "" is 0
	for i := len(a.commands) - 1 - from; i >= 0 && len(page) < min(2, in.MaxResults); i-- {
		c := a.commands[i]
		from++
		if name == "" || c.DocumentName == name {
			page = append(page, map[string]any{"CommandId": c.ID, "Comment": c.Comment, "DocumentName": c.DocumentName, "Status": c.status()})
		}
	}
	out := map[string]any{"Commands": page}
	if from < len(a.commands) {
		out["NextToken"] = strconv.Itoa(from)
	}
	return out, nil
}

// status is that of the whole command.
func (c *command) status() string {
	status := "Success"
	for _, i := range c.Invocations {
		if !i.final() {
			return "InProgress"
		}
		if i.Status != "Success" {
			status = i.Status
		}
	}
	return status
}
