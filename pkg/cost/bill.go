package cost

// Line is one thing that is paid for.
type Line struct {
	Service  string  `json:"service"`
	Price    string  `json:"price"` // its name in the rates
	Quantity float64 `json:"quantity"`
	Unit     string  `json:"unit"`
	Dollars  float64 `json:"dollars"`
}

// Bill is lines and their sum.
type Bill struct {
	Lines   []Line  `json:"lines"`
	Dollars float64 `json:"dollars"`
}

// Of returns what a service costs in the bill.
func (b Bill) Of(service string) (dollars float64) {
	for _, l := range b.Lines {
		if l.Service == service {
			dollars += l.Dollars
		}
	}
	return dollars
}

// bill adds up quantities at the prices of the rates.
type bill struct {
	rates *Rates
	Bill
}

// add pays for so many units. Nothing of something is no line.
func (b *bill) add(service, price string, quantity float64) {
	if quantity == 0 {
		return
	}
	p := b.rates.Prices[price]
	l := Line{Service: service, Price: price, Quantity: quantity, Unit: p.Unit, Dollars: quantity / p.Per * p.Dollars}
	b.Lines = append(b.Lines, l)
	b.Dollars += l.Dollars
}

// of is a figure of the rates.
func (r *Rates) of(usage string) float64 { return r.Usage[usage].Value }

const (
	gigabyte = 1e9  // bytes, as AWS counts transfer and storage
	gibi     = 1024 // MiB in the "GB" of Lambda's GB-seconds
)
