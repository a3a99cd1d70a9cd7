// Command load is the other side of `npm run bench:proxy`: the upstream behind the proxies and the clients in front of
// them. Compiled, so that it costs less than what it measures. It talks to 127.0.0.1 only, and every run has an end.
// Each subcommand prints its result as one line of JSON.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fail("usage: load upstream|calls|streams [flags]")
	}
	commands := map[string]func(arguments []string){
		"upstream": upstreamCommand,
		"calls":    callsCommand,
		"streams":  streamsCommand,
	}
	command, known := commands[os.Args[1]]
	if !known {
		fail("there is no command " + os.Args[1])
	}
	command(os.Args[2:])
}

func upstreamCommand(arguments []string) {
	flags := flag.NewFlagSet("upstream", flag.ExitOnError)
	gap := flags.Duration("gap", 500*time.Microsecond, "pause between two events")
	_ = flags.Parse(arguments)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	check(err)
	report(map[string]int{"port": listener.Addr().(*net.TCPAddr).Port})
	go untilInputEnds()
	serveUpstream(listener, *gap)
}

func callsCommand(arguments []string) {
	flags := flag.NewFlagSet("calls", flag.ExitOnError)
	plan := callPlan{}
	flags.IntVar(&plan.port, "port", 0, "where the proxy listens")
	flags.StringVar(&plan.path, "path", "/mcp", "what is called")
	flags.IntVar(&plan.connections, "connections", 64, "how many connections")
	flags.DurationVar(&plan.duration, "for", 3*time.Second, "how long")
	flags.IntVar(&plan.rate, "rate", 0, "calls a second, whatever becomes of them; 0: each connection as fast as it gets answers")
	flags.Int64Var(&plan.count, "count", 0, "stop after so many calls; 0: when the time is over")
	flags.IntVar(&plan.status, "status", 200, "the status of an answer that did not fail")
	tokens := flags.String("tokens", "", "file of bearer tokens, one a line, each with its session; # stands for digits of a counter")
	_ = flags.Parse(arguments)
	plan.tokens = readLines(*tokens)
	go untilInputEnds()
	report(plan.run())
}

func streamsCommand(arguments []string) {
	flags := flag.NewFlagSet("streams", flag.ExitOnError)
	port := flags.Int("port", 0, "where the proxy listens")
	path := flags.String("path", "/mcp", "what is opened")
	count := flags.Int("count", 1000, "how many streams")
	tokens := flags.String("tokens", "", "file of bearer tokens, one a line, each with its session")
	_ = flags.Parse(arguments)
	report(openStreams(*port, *path, *count, readLines(*tokens)))
	untilInputEnds()
}

// untilInputEnds ends the process when whoever started it is gone or has closed its input, and after ten minutes.
func untilInputEnds() {
	time.AfterFunc(10*time.Minute, func() { os.Exit(1) })
	_, _ = bufio.NewReader(os.Stdin).ReadString(0)
	os.Exit(0)
}

func readLines(path string) []string {
	file, err := os.Open(path)
	check(err)
	defer file.Close()
	var lines []string
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	if len(lines) == 0 {
		fail("no tokens in " + path)
	}
	return lines
}

func report(result interface{}) {
	check(json.NewEncoder(os.Stdout).Encode(result))
}

func check(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, "load: "+message)
	os.Exit(1)
}
