package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"diffy/pkg/triage"
	"diffy/pkg/trigger"

	"github.com/spf13/cobra"
)

// maxEvent is more than EventBridge and GuardDuty ever send, in bytes.
const maxEvent = 16 << 20

func (a *app) trigger() *cobra.Command {
	var format string
	var start bool
	cmd := &cobra.Command{
		Use:   "trigger EVENT.json",
		Short: "Say what an event would start",
		Long: "Read an event as EventBridge delivers it, or a bare GuardDuty finding, and print the request that\n" +
			"it would start, or null and the reason why it starts nothing. Nothing is asked of AWS and\n" +
			"nothing is started. - is stdin.\n\n" +
			"With --start the event does in the account what it does when GuardDuty sends it: it goes\n" +
			"through the same lock and the same counts, and what becomes of it is printed.",
		Example: "  diffy trigger event.json\n  aws guardduty get-findings … | diffy trigger -\n  diffy trigger event.json --start",
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "json" {
				return usage("--format json", "unknown format %q", format)
			}
			return a.runTrigger(cmd.Context(), args[0], start)
		},
	}
	cmd.Flags().StringVar(&format, "format", "json", "json")
	cmd.Flags().BoolVar(&start, "start", false, "start it in the account: the drill")
	return cmd
}

func (a *app) runTrigger(ctx context.Context, path string, start bool) error {
	hint := "an EVENT is EventBridge's envelope of a GuardDuty finding, or the finding itself, as JSON"
	data, err := a.readEvent(path)
	if err != nil {
		return usage(hint, "%w", err)
	}
	d, err := trigger.ParseEvent(data)
	if _, notRequest := trigger.ParseRequest(data); err != nil && notRequest == nil {
		hint = "it is a request, which the state machine takes as it stands; diffy triage --help has a flag for each part of one"
	}
	if err != nil {
		return usage(hint, "%s: %w", path, err)
	}
	if start {
		return a.startTriggered(ctx, data)
	}
	return a.json(struct {
		Request *triage.Request `json:"request"`
		Reason  string          `json:"reason,omitempty"`
		Sample  *triage.Request `json:"sample,omitempty"` // what a sample finding would have started
	}{d.Request, d.Reason, d.Sample})
}

func (a *app) readEvent(path string) ([]byte, error) {
	from := a.in
	if path != stdin {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, bare(err))
		}
		defer func() { _ = file.Close() }() // read only
		from = file
	}
	data, err := io.ReadAll(io.LimitReader(from, maxEvent+1))
	if err == nil && len(data) > maxEvent {
		err = fmt.Errorf("more than %d bytes", maxEvent)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, bare(err))
	}
	return data, nil
}

// bare is a file's error without the name, which the message has already.
func bare(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
