package main

import (
	"context"
	"errors"
	"fmt"

	"diffy/pkg/cloud"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
	"diffy/pkg/trigger"

	"github.com/spf13/cobra"
)

func (a *app) doctor() *cobra.Command {
	var hosts selectors
	var format string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is missing before a run would work, permission by permission",
		Long: "Look at this machine, at the deployment, at every place with hosts, at what you and diffy's\n" +
			"functions may do, and, with a selector, at the hosts of a group: what would make a run fail, and\n" +
			"how to mend it. Nothing is changed and nothing is sent to a host.\n\n" +
			"It ends with 10 when something fails. What you may not look at is unknown, not wrong.",
		Example: "  diffy doctor\n  diffy doctor --asg web-prod",
		Args:    arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			encoded, err := asJSON(format)
			if err != nil {
				return err
			}
			checks, err := a.examine(cmd.Context(), hosts)
			if err != nil {
				return err
			}
			return a.diagnosis(checks, encoded)
		},
	}
	hosts.flags(cmd)
	addFormat(cmd, &format)
	return cmd
}

// examine makes the checks: of this machine, of the deployment and of every place
// that the inventory names, and of the hosts that are chosen.
func (a *app) examine(ctx context.Context, hosts selectors) ([]cloud.Check, error) {
	var r triage.Request
	if err := hosts.put(&r); err != nil {
		return nil, err
	}
	s, err := a.settings()
	if err != nil {
		return nil, err
	}
	if err := s.place(&r.Target); err != nil {
		return nil, err
	}
	checks := a.here()
	cfg, err := a.deployed(ctx)
	if err != nil {
		return append(checks, unfound(err)), nil
	}
	d, err := cloud.NewDoctor(ctx, cfg)
	if err != nil {
		return nil, failedInAWS(err)
	}
	checks = append(checks, d.Examine(ctx, s.Inventory.places())...)
	if len(hosts.chosen()) > 0 {
		checks = append(checks, d.Group(ctx, r.Target, trigger.Expands(r))...)
	}
	return checks, nil
}

// unfound is the check of a deployment that could not be looked at: no other can be
// made then.
func unfound(err error) cloud.Check {
	c := cloud.Check{Area: "deployment", What: "finding it", State: cloud.CheckFails, Says: err.Error()}
	if e := (*exit)(nil); errors.As(err, &e) {
		c.Fix = e.hint
	}
	return c
}

// places are every region of every account of the inventory.
func (i inventory) places() []pipeline.Place {
	var out []pipeline.Place
	for _, name := range i.names() {
		for _, region := range i.Accounts[name].Regions {
			out = append(out, pipeline.Place{Account: i.Accounts[name].Account, Region: region})
		}
	}
	return out
}

// here looks at this machine. Only what is kept in files must be there.
func (a *app) here() []cloud.Check {
	check := func(what string, p plugin, unready cloud.CheckState, fix string) cloud.Check {
		if p.Ready {
			return cloud.Check{Area: "this machine", What: what, State: cloud.CheckOK, Says: p.State}
		}
		return cloud.Check{Area: "this machine", What: what, State: unready, Says: p.State, Fix: fix}
	}
	return []cloud.Check{
		check("folder for what is kept in files", a.homePlug(), cloud.CheckFails, "set DIFFY_HOME to a folder that you can write"),
		check("osqueryi", osqueryPlug(), cloud.CheckWarns, "only triage --local localhost needs it"),
	}
}

// diagnosis prints the checks by area, and sums them up.
func (a *app) diagnosis(checks []cloud.Check, encoded bool) error {
	if encoded {
		if err := a.json(checks); err != nil {
			return err
		}
	} else {
		area := ""
		for _, c := range checks {
			if c.Area != area {
				area = c.Area
				fmt.Fprintln(a.out, a.paint(oneLine(area), bold))
			}
			a.check(c)
		}
	}
	count := map[cloud.CheckState]int{}
	for _, c := range checks {
		count[c.State]++
	}
	a.say("%s: %d ok, %d to know of, %d unknown, %d that would make a run fail",
		plural(len(checks), "check", "checks"), count[cloud.CheckOK], count[cloud.CheckWarns], count[cloud.CheckUnknown], count[cloud.CheckFails])
	if count[cloud.CheckFails] > 0 {
		return &exit{code: exitFound}
	}
	return nil
}

func (a *app) check(c cloud.Check) {
	state := fmt.Sprintf("%-7s", c.State)
	switch c.State {
	case cloud.CheckFails:
		state = a.paint(state, red)
	case cloud.CheckOK, cloud.CheckUnknown:
		state = a.paint(state, dim)
	}
	line := oneLine(c.What)
	if c.Says != "" {
		line += ": " + oneLine(c.Says)
	}
	fmt.Fprintf(a.out, "  %s  %s\n", state, line)
	if c.Fix != "" {
		fmt.Fprintf(a.out, "           fix: %s\n", oneLine(c.Fix))
	}
}
