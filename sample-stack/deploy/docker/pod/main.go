// Command pod does in containers what needs a program there, where there is no shell. It holds
// the network that a service's instances share, so that a new one can serve beside the old one
// on the same ports, tells them apart, and asks a server for its health.
//
//	pod hold                    keep the network until SIGTERM
//	pod listens PORT            exit 0 if process 1 of this container listens on the port
//	pod answers ADDRESS PATH    exit 0 if HTTP GET of the path is answered with 200
package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const answerTimeout = 2 * time.Second

// listening is the state of a listening socket in /proc/net/tcp.
const listening = "0A"

func main() {
	switch words := os.Args[1:]; {
	case len(words) == 1 && words[0] == "hold":
		hold()
	case len(words) == 2 && words[0] == "listens":
		exit(listens(words[1]))
	case len(words) == 3 && words[0] == "answers":
		exit(answers(words[1], words[2]))
	default:
		exit(errors.New("usage: pod hold | pod listens PORT | pod answers ADDRESS PATH"))
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "pod:", err)
		os.Exit(1)
	}
}

func hold() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	<-ended
}

// listens compares the network's listening sockets, those of other instances among them, with
// the files that process 1 of this container has open.
func listens(port string) error {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return fmt.Errorf("%q is not a port", port)
	}
	sockets := make(map[string]bool)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		addListening(sockets, table, fmt.Sprintf(":%04X", number))
	}
	descriptors, err := filepath.Glob("/proc/1/fd/*")
	if err != nil {
		return err
	}
	for _, descriptor := range descriptors {
		if target, err := os.Readlink(descriptor); err == nil && sockets[target] {
			return nil
		}
	}
	return fmt.Errorf("process 1 does not listen on port %d", number)
}

// addListening adds the table's sockets that listen on the port, as /proc/<pid>/fd names them.
func addListening(sockets map[string]bool, table, port string) {
	file, err := os.Open(table)
	if err != nil {
		return // Without IPv6 there is no table of it.
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		// sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode
		fields := strings.Fields(lines.Text())
		if len(fields) > 9 && strings.HasSuffix(fields[1], port) && fields[3] == listening {
			sockets["socket:["+fields[9]+"]"] = true
		}
	}
}

// answers speaks HTTP by hand: net/http would make this program three times as large.
func answers(address, path string) error {
	connection, err := net.DialTimeout("tcp", address, answerTimeout)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(connection, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path, address); err != nil {
		return err
	}
	status, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil {
		return err
	}
	if fields := strings.Fields(status); len(fields) < 2 || fields[1] != "200" {
		return fmt.Errorf("answered %q", strings.TrimSpace(status))
	}
	return nil
}
