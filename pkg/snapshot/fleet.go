package snapshot

// fleetColumns are those that Fleet itself adds to each row of an answer, to say
// whose it is: the line says so too, and no query asked for them.
var fleetColumns = map[string]bool{"host_hostname": true, "host_display_name": true}

// withoutFleet returns the table as the host sent it.
func (t Table) withoutFleet() Table {
	var kept []int
	for c, name := range t.Columns {
		if !fleetColumns[name] {
			kept = append(kept, c)
		}
	}
	if len(kept) == len(t.Columns) || len(kept) == 0 {
		return t
	}
	out := Table{Query: t.Query, Cut: t.Cut, Cells: make([]string, t.Len()*len(kept))}
	for _, c := range kept {
		out.Columns = append(out.Columns, t.Columns[c])
	}
	cell := 0
	for row := range t.Len() {
		for _, c := range kept {
			out.Cells[cell] = t.Row(row)[c]
			if !t.Has(row, c) {
				out.leaveOut(cell)
			}
			cell++
		}
	}
	return out
}
