package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"diffy/pkg/local"
	"diffy/pkg/pack"
	"diffy/pkg/triage"

	"github.com/spf13/cobra"
)

// plugin is one thing that fills one of the six places.
type plugin struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Chosen bool   `json:"chosen"` // what is used when no flag says otherwise
	Ready  bool   `json:"ready"`  // what it needs is there
	Needs  string `json:"needs"`
	State  string `json:"state"` // of what it needs
}

func (a *app) plugins() *cobra.Command {
	var format string
	list := &cobra.Command{
		Use: "list", Short: "List what there is, what is chosen, and whether what it needs is there", Args: arguments(0, 0),
		Long: "List what fills each of the six places: where hosts come from, what they are asked, how they are\n" +
			"reached, where things are kept, how they are compared, and which accounts have names. Nothing is\n" +
			"asked of AWS: diffy doctor does that.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := a.allPlugins()
			if err != nil {
				return err
			}
			rows := make([][]string, len(all))
			for i, p := range all {
				rows[i] = []string{p.Kind, p.Name, yes(p.Chosen), yes(p.Ready), p.Needs, p.State}
			}
			return a.list(format, all, []string{"KIND", "NAME", "CHOSEN", "READY", "NEEDS", "STATE"}, rows, "")
		},
	}
	addFormat(list, &format)
	return family("plugins", "What can be plugged in",
		"What fills the places that diffy leaves open. diffy.yaml and its DIFFY_ variables choose; see docs/plugins.md.", list)
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "-"
}

func (a *app) allPlugins() ([]plugin, error) {
	s, err := a.settings()
	if err != nil {
		return nil, err
	}
	p, err := pack.Load()
	if err != nil {
		return nil, failed(err)
	}
	kept, err := a.persistence("")
	if err != nil {
		return nil, err
	}
	deployment := a.deploymentPlug(s)
	program := s.programPlug()
	osqueryi := osqueryPlug()
	how := cmp.Or(s.Collection, bySSM)
	aws := plugin{Needs: "a deployment", Ready: deployment != "", State: cmp.Or(deployment, "none is named: a run looks for the stack "+defaultStack)}
	as := func(p plugin, kind, name string, chosen bool) plugin {
		p.Kind, p.Name, p.Chosen = kind, name, chosen
		return p
	}
	return slices.Concat([]plugin{
		as(aws, "target", "aws", how == bySSM),
		{"target", "named", how == byExec, true, "--instance", "the names themselves"},
		{"target", "local", how == byLocal, true, "--local DIR or localhost", "this machine, or what was recorded"},
		{
			"payload", p.Name, cmp.Or(s.Payload, p.Name) == p.Name, true, "nothing",
			fmt.Sprintf("version %s, %s", p.Version, plural(len(p.Queries), "query", "queries")),
		},
		as(aws, "collection", bySSM, how == bySSM),
		as(osqueryi, "collection", byLocal, how == byLocal),
		as(program, "collection", byExec, how == byExec),
		{"collection", "recorded", false, true, "--local DIR", "any osquery output"},
		as(aws, "persistence", inAWS, kept == inAWS),
		as(a.homePlug(), "persistence", inFiles, kept == inFiles),
	}, analysisPlugs(s), []plugin{s.inventoryPlug()}), nil
}

// deploymentPlug says how a deployment is named, "" if it is not.
func (a *app) deploymentPlug(s *settings) string {
	switch {
	case a.namesAll():
		return "named by DIFFY_ variables"
	case s.Deployment.Stack != "":
		return "stack " + s.Deployment.Stack
	}
	return ""
}

// programPlug says whether the program that collects can be started.
func (s *settings) programPlug() plugin {
	p := plugin{Needs: "exec.command", State: "none is named: exec.command in diffy.yaml"}
	if len(s.Exec.Command) > 0 {
		path, err := local.Exec{Command: s.Exec.Command}.Program()
		p.Ready, p.State = err == nil, path
		if err != nil {
			p.State = err.Error()
		}
	}
	return p
}

// osqueryPlug says whether this machine can be examined: the collector looks where
// packages of osquery put it.
func osqueryPlug() plugin {
	p := plugin{Needs: "osqueryi", State: "not found: install osquery"}
	for _, path := range []string{"/opt/osquery/bin/osqueryd", "/usr/bin/osqueryi", "/usr/local/bin/osqueryi"} {
		if found, err := exec.LookPath(path); err == nil {
			p.Ready, p.State = true, found
			break
		}
	}
	return p
}

// homePlug says whether things can be kept in files.
func (a *app) homePlug() plugin {
	p := plugin{Needs: "a folder to write to", Ready: true, State: a.home()}
	dir := a.home()
	for {
		info, err := os.Stat(dir)
		if err == nil {
			if !info.IsDir() || !takesFiles(dir) {
				p.Ready, p.State = false, a.home()+" cannot be written to"
			}
			return p
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return p
		}
		dir = parent
	}
}

// takesFiles reports whether a file can be made in a folder.
func takesFiles(dir string) bool {
	file, err := os.CreateTemp(dir, ".diffy-*")
	if err != nil {
		return false
	}
	return file.Close() == nil && os.Remove(file.Name()) == nil
}

// analysisPlugs are the methods. Rules and pivots always speak.
func analysisPlugs(s *settings) []plugin {
	about := []struct {
		method triage.Method
		needs  string
	}{
		{triage.ByBaseline, "a baseline of the group"},
		{triage.ByCluster, "three hosts or more"},
		{triage.ByRule, "nothing"},
		{triage.ByPivot, "--pivot, or a trigger finding"},
	}
	out := make([]plugin, len(about))
	for i, m := range about {
		name := string(m.method)
		chosen := len(s.Analysis) == 0 || slices.Contains(s.Analysis, name) || !slices.Contains(methodNames, name)
		out[i] = plugin{"analysis", name, chosen, true, m.needs, "part of diffy"}
	}
	return out
}

// inventoryPlug says which accounts have names.
func (s *settings) inventoryPlug() plugin {
	names := s.Inventory.names()
	p := plugin{Kind: "inventory", Name: "static", Needs: "inventory in diffy.yaml", State: "no names: accounts are given by their ids"}
	if s.Inventory.file != "" {
		p.Name = "file"
	}
	if len(names) > 0 {
		p.Chosen, p.Ready, p.State = true, true, strings.Join(names, ", ")
	}
	return p
}
