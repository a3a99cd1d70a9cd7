package main

import (
	"os"
	"sort"
	"syscall"
	"time"
	"unsafe"
)

// pace sends the moment at which each call is due, and does so at that moment. Go's own timers are late by up to a
// millisecond when nothing else happens; a timer of the kernel, waited for like a socket, is not.
func pace(rate int, begin, end time.Time) <-chan time.Time {
	step := time.Second / time.Duration(rate)
	due := make(chan time.Time, 1<<16)
	timer := kernelTimer(step)
	go func() {
		defer close(due)
		defer timer.Close()
		expirations := make([]byte, 8)
		for next := begin; next.Before(end); {
			if _, err := timer.Read(expirations); err != nil {
				return
			}
			for now := time.Now(); !next.After(now) && next.Before(end); next = next.Add(step) {
				due <- next
			}
		}
	}()
	return due
}

const clockMonotonic, nonBlocking = 1, 0x800

// kernelTimer is a file that can be read once every step. @see timerfd_create(2)
func kernelTimer(step time.Duration) *os.File {
	descriptor, _, failure := syscall.Syscall(syscall.SYS_TIMERFD_CREATE, clockMonotonic, nonBlocking, 0)
	if failure != 0 {
		fail("timerfd_create: " + failure.Error())
	}
	every := syscall.NsecToTimespec(step.Nanoseconds())
	setting := [2]syscall.Timespec{every, every}
	_, _, failure = syscall.Syscall6(syscall.SYS_TIMERFD_SETTIME, descriptor, 0, uintptr(unsafe.Pointer(&setting)), 0, 0, 0)
	if failure != 0 {
		fail("timerfd_settime: " + failure.Error())
	}
	return os.NewFile(descriptor, "timer")
}

func summarise(callers []*caller, failed int64, elapsed time.Duration) callResult {
	var took, firstByte []time.Duration
	for _, each := range callers {
		took = append(took, each.took...)
		firstByte = append(firstByte, each.firstByte...)
		_ = each.connection.Close()
	}
	return callResult{
		Calls:        int64(len(took)) - failed,
		Failed:       failed,
		Seconds:      elapsed.Seconds(),
		P50:          quantile(took, 0.50),
		P99:          quantile(took, 0.99),
		FirstByteP50: quantile(firstByte, 0.50),
		FirstByteP99: quantile(firstByte, 0.99),
	}
}

// quantile is in microseconds; 0 of nothing. It sorts what it is given.
func quantile(values []time.Duration, part float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sort.Slice(values, func(left, right int) bool { return values[left] < values[right] })
	return float64(values[int(float64(len(values)-1)*part)].Nanoseconds()) / 1000
}
