package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"diffy/pkg/triage"
)

// Plan is what resolve has found out about the group: plan.json. It keeps what
// the cloud said of the hosts at the time, which may be gone afterwards.
type Plan struct {
	Run         string      `json:"run"`
	Started     string      `json:"started"` // RFC 3339, UTC
	Group       string      `json:"group"`   // Group.ID
	Key         string      `json:"key"`     // Group.Key
	Notes       []string    `json:"notes"`
	PackVersion string      `json:"pack_version"`
	Bundle      Bundle      `json:"bundle"`
	Hosts       []Candidate `json:"hosts"`
}

// Batch is an item of the map: an element of hosts.json.
type Batch struct {
	triage.Batch
	Earlier string `json:"earlier,omitempty"` // a run that examined these hosts whole: its evidence is used
}

func (b Batch) place() Place   { return Place{b.Account, b.Region} }
func (b Batch) number() string { return b.Batch.Batch }

// Batching says how hosts become batches: as few as keep every branch of the map
// busy, none larger than one command can serve.
type Batching struct {
	Branches int // that the map runs at once; zero: 100
	Size     int // hosts of one batch at most; zero: 50, SSM's limit for a command
}

// size returns how many hosts a batch has when there are n.
func (b Batching) size(n int) int {
	return max(1, min(cmp.Or(b.Size, 50), (n+b.AtOnce()-1)/b.AtOnce()))
}

// Count returns how many batches n hosts of one place and platform make.
func (b Batching) Count(n int) int { return (n + b.size(n) - 1) / b.size(n) }

// AtOnce is how many branches of the map run at once.
func (b Batching) AtOnce() int { return cmp.Or(b.Branches, 100) }

// neverSent is the batch of the hosts that nothing is sent to.
const neverSent = "0000"

// batches cuts hosts into batches, each of one account, region and platform. The
// hosts that the earlier run has examined come last, in batches of their own.
func (b Batching) batches(hosts []triage.Host, earlier string, examined func(host string) bool) []Batch {
	place := func(h triage.Host) Batch {
		batch := Batch{Batch: triage.Batch{Account: h.Account, Region: h.Region, Platform: h.Platform}}
		if examined(h.ID) {
			batch.Earlier = earlier
		}
		return batch
	}
	hosts = slices.Clone(hosts)
	slices.SortFunc(hosts, func(x, y triage.Host) int {
		return cmp.Or(place(x).compare(place(y)), cmp.Compare(x.ID, y.ID))
	})
	size := b.size(len(hosts))
	var out []Batch
	for i, h := range hosts {
		next := place(h)
		if i == 0 || out[len(out)-1].compare(next) != 0 || len(out[len(out)-1].Hosts) == size {
			next.Batch.Batch = fmt.Sprintf("%04d", len(out)+1)
			out = append(out, next)
		}
		last := &out[len(out)-1]
		last.Hosts = append(last.Hosts, h.ID)
	}
	return out
}

// compare orders batches by what their hosts have in common.
func (b Batch) compare(o Batch) int {
	return cmp.Or(cmp.Compare(b.Earlier, o.Earlier), cmp.Compare(b.Account, o.Account),
		cmp.Compare(b.Region, o.Region), cmp.Compare(b.Platform, o.Platform))
}

// overLimit is the reason of a host beyond maxHosts.
const overLimit = "over maxHosts"

// choose sorts the hosts of a group into those that are collected and those that
// are not, each of these with its reason. Suspects are never over the limit. Hosts
// of which evidence is at hand come first, whatever has become of them.
func choose(hosts []Candidate, suspects []string, limit int, examined func(host string) bool) (chosen []triage.Host, left []Record, notes []string) {
	hosts = slices.Clone(hosts)
	suspect := func(id string) bool { return slices.Contains(suspects, id) }
	slices.SortFunc(hosts, func(a, b Candidate) int {
		if s := suspect(a.ID); s != suspect(b.ID) {
			if s {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.ID, b.ID)
	})
	taken, over := 0, 0
	for _, c := range hosts {
		if examined(c.ID) {
			chosen = append(chosen, c.Host)
			taken++
		}
	}
	for _, c := range hosts {
		switch {
		case examined(c.ID):
		case c.Reason != "":
			left = append(left, notExamined(c.ID, c.Reason))
		case taken >= limit && !suspect(c.ID):
			left = append(left, notExamined(c.ID, overLimit))
			over++
		default:
			chosen = append(chosen, c.Host)
			taken++
		}
	}
	if over > 0 {
		notes = append(notes, fmt.Sprintf("%d of %d hosts are examined (maxHosts): the suspects, then in the order of their ids.", len(chosen), len(hosts)))
	}
	return chosen, left, append(notes, strangers(hosts, suspects)...)
}

// strangers names the suspects that are not in the group.
func strangers(hosts []Candidate, suspects []string) []string {
	var out []string
	for _, id := range suspects {
		if !slices.ContainsFunc(hosts, func(c Candidate) bool { return c.ID == id }) {
			out = append(out, id)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return []string{"Not in this group and not examined, though named as suspect: " + strings.Join(out, ", ") + "."}
}

// TargetKey names a target as results do: "asg:web-prod".
func TargetKey(t triage.Target) string {
	switch {
	case t.AutoScalingGroup != "":
		return "asg:" + t.AutoScalingGroup
	case t.LaunchTemplate != "":
		return "lt:" + t.LaunchTemplate
	case t.Stack != "":
		return "stack:" + t.Stack
	case t.InstanceProfile != "":
		return "profile:" + t.InstanceProfile
	case t.Image != "":
		return "image:" + t.Image
	case t.Subnet != "":
		return "subnet:" + t.Subnet
	case t.VPC != "":
		return "vpc:" + t.VPC
	case len(t.Tags) > 0:
		return "tag:" + pairs(t.Tags)
	}
	ids := slices.Sorted(slices.Values(t.InstanceIDs))
	return "instances:" + strings.Join(ids, ",")
}

func pairs(tags map[string]string) string {
	var out []string
	for k, v := range tags {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}
