// A stranger's client at a front end's door: github.com/masterzen/winrm, as Packer and Terraform use it.
//
//	masterzen HOST PORT CA-FILE USER PASSWORD          Basic
//	masterzen HOST PORT CA-FILE CERT-FILE KEY-FILE cert   client certificate
//
// Prints one JSON object: what whoami, a PowerShell script and a command with stdin gave.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/masterzen/winrm"
)

type outcome struct {
	Out  string `json:"out"`
	Err  string `json:"err"`
	Code int    `json:"code"`
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func file(name string) []byte {
	data, err := os.ReadFile(name)
	must(err)
	return data
}

func client() *winrm.Client {
	port, err := strconv.Atoi(os.Args[2])
	must(err)
	params := *winrm.DefaultParameters
	if len(os.Args) > 6 {
		params.TransportDecorator = func() winrm.Transporter { return &winrm.ClientAuthRequest{} }
		at := winrm.NewEndpoint(os.Args[1], port, true, false, file(os.Args[3]), file(os.Args[4]), file(os.Args[5]), time.Minute)
		c, err := winrm.NewClientWithParameters(at, "", "", &params)
		must(err)
		return c
	}
	at := winrm.NewEndpoint(os.Args[1], port, true, false, file(os.Args[3]), nil, nil, time.Minute)
	c, err := winrm.NewClientWithParameters(at, os.Args[4], os.Args[5], &params)
	must(err)
	return c
}

func run(c *winrm.Client, line, stdin string) outcome {
	var out, errors bytes.Buffer
	code, err := c.RunWithInput(line, &out, &errors, strings.NewReader(stdin)) // RunWithString ends stdin too late
	must(err)
	return outcome{out.String(), errors.String(), code}
}

func main() {
	c := client()
	all := map[string]outcome{
		"whoami": run(c, "whoami", ""),
		"script": run(c, winrm.Powershell("Import-Module SkypeForBusiness; (Get-CsPersistentChatState).PoolState; exit 3"), ""),
		"stdin":  run(c, winrm.Powershell("-join @($input)"), "line one\nline two\n"),
		"long":   run(c, winrm.Powershell("1..4000 | ForEach-Object { \"line $_ of some length, so that many answers are needed\" }"), ""),
	}
	text, err := json.Marshal(all)
	must(err)
	fmt.Println(string(text))
}
