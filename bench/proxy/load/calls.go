package main

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// callPlan says what is called, how often and for how long.
type callPlan struct {
	port, connections, rate, status int
	path                            string
	duration                        time.Duration
	count                           int64
	tokens                          []string
}

func (plan *callPlan) run() callResult {
	var started, failed int64
	var waiting sync.WaitGroup
	callers := make([]*caller, plan.connections)
	for index := range callers {
		callers[index] = newCaller(plan, index)
	}
	begin := time.Now()
	end := begin.Add(plan.duration)
	due := schedule(plan.rate, begin, end)
	for _, each := range callers {
		waiting.Add(1)
		go func(each *caller) {
			defer waiting.Done()
			for {
				dueAt, more := due()
				number := atomic.AddInt64(&started, 1)
				if !more || plan.count > 0 && number > plan.count {
					return
				}
				if each.call(number, dueAt) != nil {
					atomic.AddInt64(&failed, 1)
				}
			}
		}(each)
	}
	waiting.Wait()
	return summarise(callers, failed, begin, time.Since(begin))
}

// schedule tells when the next call is due. Without a rate: now, until the end.
func schedule(rate int, begin, end time.Time) func() (time.Time, bool) {
	if rate > 0 {
		due := pace(rate, begin, end)
		return func() (time.Time, bool) {
			at, more := <-due
			return at, more
		}
	}
	return func() (time.Time, bool) {
		now := time.Now()
		return now, now.Before(end)
	}
}

// caller has one connection, and makes one call after the other on it.
type caller struct {
	plan       *callPlan
	requests   []numbered
	connection net.Conn
	reader     *messageReader
	took       []timing
	firstByte  []time.Duration
}

// newCaller connects, and shares the tokens with the other callers: each takes its part in turn.
func newCaller(plan *callPlan, index int) *caller {
	each := &caller{plan: plan}
	for at := index % len(plan.tokens); at < len(plan.tokens); at += plan.connections {
		each.requests = append(each.requests, newNumbered(toolCall(plan.port, plan.path, plan.tokens[at])))
	}
	check(each.connect())
	return each
}

func (each *caller) connect() error {
	connection, err := dial(each.plan.port)
	if err != nil {
		return err
	}
	// Whatever hangs ends here, and counts as failed.
	_ = connection.SetDeadline(time.Now().Add(each.plan.duration + 10*time.Second))
	each.connection, each.reader = connection, newMessageReader(connection)
	return nil
}

func (each *caller) call(number int64, due time.Time) error {
	request := each.requests[len(each.took)%len(each.requests)].with(number)
	_, err := each.connection.Write(request)
	var answer []byte
	if err == nil {
		answer, err = each.reader.next(each.noteFirstByte)
	}
	each.took = append(each.took, timing{due, time.Since(due)})
	if err != nil {
		_ = each.connection.Close()
		check(each.connect())
		return err
	}
	if status(answer) != each.plan.status {
		return fmt.Errorf("status %d", status(answer))
	}
	return nil
}

var stampName = []byte(`"at":`)

// noteFirstByte compares the time that an event tells with the time now.
func (each *caller) noteFirstByte(body []byte) {
	start := bytes.Index(body, stampName) + len(stampName)
	if start < len(stampName) || len(body) < start+stampDigits {
		return
	}
	at, err := strconv.ParseInt(string(body[start:start+stampDigits]), 10, 64)
	if err == nil {
		each.firstByte = append(each.firstByte, time.Duration(time.Now().UnixNano()-at))
	}
}

func dial(port int) (net.Conn, error) {
	return net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
}
