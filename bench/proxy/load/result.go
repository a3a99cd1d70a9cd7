package main

import (
	"sort"
	"time"
)

// callResult counts calls that were answered as expected, and those that were not. Times are in microseconds: from the
// moment a call was due to its last byte, and from the upstream's first event to the client's.
type callResult struct {
	Calls   int64   `json:"calls"`
	Failed  int64   `json:"failed"`
	Seconds float64 `json:"seconds"`
	P50     float64 `json:"p50"`
	P99     float64 `json:"p99"`
	// The p99 of an ordinary quarter of a second: the median of all of them. What happens once, it does not show.
	OrdinaryP99  float64 `json:"ordinaryP99"`
	FirstByteP50 float64 `json:"firstByteP50"`
	FirstByteP99 float64 `json:"firstByteP99"`
}

// timing is when a call was due, and how long it took from then.
type timing struct {
	due  time.Time
	took time.Duration
}

const window = 250 * time.Millisecond

func summarise(callers []*caller, failed int64, begin time.Time, elapsed time.Duration) callResult {
	var took, firstByte, windowP99 []time.Duration
	windows := map[int64][]time.Duration{}
	for _, each := range callers {
		for _, timing := range each.took {
			index := int64(timing.due.Sub(begin) / window)
			windows[index] = append(windows[index], timing.took)
			took = append(took, timing.took)
		}
		firstByte = append(firstByte, each.firstByte...)
		_ = each.connection.Close()
	}
	for _, each := range windows {
		windowP99 = append(windowP99, quantile(each, 0.99))
	}
	return callResult{
		Calls:        int64(len(took)) - failed,
		Failed:       failed,
		Seconds:      elapsed.Seconds(),
		P50:          microseconds(quantile(took, 0.50)),
		P99:          microseconds(quantile(took, 0.99)),
		OrdinaryP99:  microseconds(quantile(windowP99, 0.50)),
		FirstByteP50: microseconds(quantile(firstByte, 0.50)),
		FirstByteP99: microseconds(quantile(firstByte, 0.99)),
	}
}

// quantile is 0 of nothing. It sorts what it is given.
func quantile(values []time.Duration, part float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sort.Slice(values, func(left, right int) bool { return values[left] < values[right] })
	return values[int(float64(len(values)-1)*part)]
}

func microseconds(duration time.Duration) float64 {
	return float64(duration.Nanoseconds()) / 1000
}
