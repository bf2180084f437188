package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"diffy/pkg/triage"

	"github.com/goccy/go-yaml"
)

// inventory is accounts by name, in diffy.yaml itself or in a file of their own.
type inventory struct {
	file     string // where they are, if not in diffy.yaml
	Accounts map[string]inventoryAccount
}

// inventoryAccount is an account and the regions in it where hosts are.
type inventoryAccount struct {
	Account string   `yaml:"account" json:"account"`
	Regions []string `yaml:"regions" json:"regions"`
}

// UnmarshalYAML takes the names themselves, or the path of a file with them.
func (i *inventory) UnmarshalYAML(_ context.Context, decode func(any) error) error {
	if decode(&i.file) == nil {
		return nil
	}
	return decode(&i.Accounts)
}

var (
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
	regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
)

// readInventory reads the file with the names, if there is one, and checks them.
func (s *settings) readInventory() error {
	if file := s.Inventory.file; file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return s.wrong("inventory", "it is names with their accounts, or the path of a file with them", "read %s: %v", file, bare(err))
		}
		if err := yaml.UnmarshalWithOptions(data, &s.Inventory.Accounts, yaml.Strict()); err != nil {
			var bad yaml.Error
			if errors.As(err, &bad) && bad.GetToken() != nil {
				err = fmt.Errorf("line %d: %s", bad.GetToken().Position.Line, bad.GetMessage())
			}
			return s.wrong("inventory", "a file has names with their accounts: docs/plugins.md", "read %s: %v", file, err)
		}
	}
	for _, name := range s.Inventory.names() {
		known := s.Inventory.Accounts[name]
		if !accountID.MatchString(known.Account) {
			return s.wrong("inventory", "an account has 12 digits; one that begins with 0 needs quotes", "%s: %q is no account", name, known.Account)
		}
		for _, region := range known.Regions {
			if !regionName.MatchString(region) {
				return s.wrong("inventory", "such as eu-west-1", "%s: %q is no region", name, region)
			}
		}
	}
	return nil
}

// beside makes the path of the file whole: it is beside diffy.yaml, wherever diffy
// is called.
func (i *inventory) beside(settings string) {
	if i.file != "" && !filepath.IsAbs(i.file) {
		i.file = filepath.Join(filepath.Dir(settings), i.file)
	}
}

func (i inventory) names() []string { return slices.Sorted(maps.Keys(i.Accounts)) }

// place fills in where the hosts of a target are: what the settings say where the
// flags do not, and accounts by their names. An account with one region needs no
// other word.
func (s *settings) place(t *triage.Target) error {
	if t.Account == "" {
		t.Account = s.Target.Account
	}
	if t.Region == "" {
		t.Region = s.Target.Region
	}
	if t.Account == "" || accountID.MatchString(t.Account) {
		return nil
	}
	known, ok := s.Inventory.Accounts[t.Account]
	if !ok {
		hint := "an account has 12 digits; names come from inventory in diffy.yaml"
		if names := s.Inventory.names(); len(names) > 0 {
			hint = "known are " + some(names)
		}
		return usage(hint, "account %q is no account, and no name of one", t.Account)
	}
	switch {
	case t.Region == "" && len(known.Regions) == 1:
		t.Region = known.Regions[0]
	case t.Region == "" && len(known.Regions) > 1:
		return usage("--region "+strings.Join(known.Regions, ", or --region "), "account %s has hosts in %d regions", t.Account, len(known.Regions))
	case len(known.Regions) > 0 && !slices.Contains(known.Regions, t.Region):
		return usage("it has hosts in "+strings.Join(known.Regions, ", "), "account %s has no hosts in %s", t.Account, t.Region)
	}
	t.Account = known.Account
	return nil
}
