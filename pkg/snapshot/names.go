package snapshot

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
)

// names holds what the queries of a unit are called, by the name as given.
type names map[string]string

// of returns a query's name: the one that was chosen, or the given one made
// safe.
func (n names) of(given string) string {
	if name, ok := n[given]; ok {
		return name
	}
	return queryName(given)
}

// shorten chooses names without pack prefixes. Where two queries would have the
// same name, one that was given so has it, else the first by its given name;
// the others keep their prefix: no two answers become one.
func shorten(given map[string]struct{}) names {
	chosen, taken := make(names, len(given)), make(map[string]bool, len(given))
	sorted := slices.Sorted(maps.Keys(given))
	for _, query := range sorted {
		if withoutPack(query) == query && queryName(query) == query {
			chosen[query], taken[query] = query, true
		}
	}
	for _, query := range sorted {
		if _, ok := chosen[query]; ok {
			continue
		}
		name := queryName(withoutPack(query))
		if taken[name] {
			name = queryName(query)
		}
		if taken[name] {
			sum := sha256.Sum256([]byte(query))
			name += "~" + hex.EncodeToString(sum[:8])
		}
		chosen[query], taken[name] = name, true
	}
	return chosen
}
