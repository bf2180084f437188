package cloud

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
)

// fakeSSM answers as the test says: SendCommand by the hosts that it is asked for,
// DescribeInstanceInformation by what is known of them.
type fakeSSM struct {
	ping map[string]string                    // host → PingStatus
	send func(hosts []string) (string, error) // an error's text is SSM's name for it
	sent [][]string
}

func (f *fakeSSM) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		InstanceIds []string
		Filters     []struct{ Values []string }
	}
	_ = json.NewDecoder(r.Body).Decode(&in) // the SDK's own
	var out any
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "DescribeInstanceInformation") {
		list := []any{}
		for _, id := range in.Filters[0].Values {
			if ping, ok := f.ping[id]; ok {
				list = append(list, map[string]string{"InstanceId": id, "PingStatus": ping})
			}
		}
		out = map[string]any{"InstanceInformationList": list}
	} else {
		f.sent = append(f.sent, in.InstanceIds)
		id, err := f.send(in.InstanceIds)
		out = map[string]any{"Command": map[string]string{"CommandId": id}}
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			out = map[string]string{"__type": err.Error(), "message": "it does not like X-Amz-Signature=secret"}
		}
	}
	_ = json.NewEncoder(w).Encode(out) // the client is there
}

func commandsOf(t *testing.T, f *fakeSSM) *Commands {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "",
	} {
		t.Setenv(name, value)
	}
	cfg, err := FromEnv(deployed)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c.Commands
}

// SSM takes all hosts or none, and does not say which one it minds.
func TestSendLeavesOutWhatIsRefused(t *testing.T) {
	const lost, unknown = "SSM has lost the connection", "not managed by SSM"
	tests := []struct {
		name  string
		ping  map[string]string
		minds string // a host that is not Online: SSM refuses all for it
		sent  [][]string
		want  pipeline.Sent
	}{
		{
			"all are there",
			map[string]string{"a": "Online", "b": "Online"},
			"",
			[][]string{{"a", "b"}},
			pipeline.Sent{ID: "1", Refused: map[string]string{}},
		},
		{
			"one is unknown",
			map[string]string{"a": "Online"},
			"b",
			[][]string{{"a", "b"}, {"a"}},
			pipeline.Sent{ID: "1", Refused: map[string]string{"b": unknown}},
		},
		{
			"one is lost",
			map[string]string{"a": "ConnectionLost", "b": "Online"},
			"a",
			[][]string{{"a", "b"}, {"b"}},
			pipeline.Sent{ID: "1", Refused: map[string]string{"a": lost}},
		},
		{
			"both are unknown", nil, "b",
			[][]string{{"a", "b"}},
			pipeline.Sent{Refused: map[string]string{"a": unknown, "b": unknown}},
		},
		{
			"nobody knows why",
			map[string]string{"a": "Online", "b": "Online"},
			"b",
			[][]string{{"a", "b"}},
			pipeline.Sent{Refused: map[string]string{"a": "refused by SSM", "b": "refused by SSM"}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := &fakeSSM{ping: test.ping}
			f.send = func(hosts []string) (string, error) {
				if test.minds != "" && strings.Contains(strings.Join(hosts, " "), test.minds) {
					return "", errors.New("InvalidInstanceId")
				}
				return "1", nil
			}
			got, err := commandsOf(t, f).Send(t.Context(), pipeline.Command{Hosts: []string{"b", "a"}, Delivery: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Send (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.sent, f.sent); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
		})
	}
}

// An error says what it is, and nothing of what was sent.
func TestSendErrors(t *testing.T) {
	tests := []struct {
		name, code string
		throttled  bool
	}{
		{"parameters that SSM repeats", "InvalidParameters", false},
		{"throttling", "ThrottlingException", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := &fakeSSM{send: func([]string) (string, error) { return "", errors.New(test.code) }}
			_, err := commandsOf(t, f).Send(t.Context(), pipeline.Command{
				Hosts: []string{"a"}, Parameters: map[string][]string{"Upload": {"secret"}}, Delivery: time.Minute,
			})
			if err == nil || strings.Contains(err.Error(), "secret") || errors.Is(err, pipeline.ErrThrottled) != test.throttled {
				t.Errorf("Send: %v", err)
			}
			if len(f.sent) != 1 {
				t.Errorf("sent %d times; each is a command of its own", len(f.sent))
			}
		})
	}
	t.Run("too many hosts", func(t *testing.T) {
		f := &fakeSSM{}
		if _, err := commandsOf(t, f).Send(t.Context(), pipeline.Command{Hosts: make([]string, 51)}); err == nil || len(f.sent) > 0 {
			t.Errorf("Send to 51 hosts: %v, sent %d times", err, len(f.sent))
		}
	})
}
