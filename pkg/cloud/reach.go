package cloud

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"diffy/pkg/pipeline"
)

const (
	notManaged = "not managed by SSM"

	// settling is how long after its launch a host may still become managed: the
	// agent starts with the host and registers within minutes.
	settling = 10 * time.Minute
)

// askSSM fills in why hosts that run cannot be sent a command. A host that SSM has
// lost is tried all the same: a command waits for it.
func (f *Fleet) askSSM(ctx context.Context, place pipeline.Place, hosts []pipeline.Candidate) error {
	var ask []string
	for _, h := range hosts {
		if h.Reason == "" {
			ask = append(ask, h.ID)
		}
	}
	known, err := f.managed.of(ctx, place, ask)
	if err != nil {
		return err
	}
	for i := range hosts {
		h := &hosts[i]
		if h.Reason != "" {
			continue
		}
		info, ok := known[h.ID]
		switch {
		case !ok && time.Since(launched(h)) < settling:
			h.Pending = true
		case !ok:
			h.Reason = notManaged
		case info.PlatformType != "" && info.PlatformType != types.PlatformTypeLinux:
			h.Platform = strings.ToLower(string(info.PlatformType))
			h.Reason = h.Platform
		}
	}
	return nil
}

// launched is zero, long ago, when EC2 does not say it.
func launched(h *pipeline.Candidate) time.Time {
	at, _ := time.Parse(time.RFC3339, h.Launched)
	return at
}
