// `signalbox run -- COMMAND…`: a program and no configuration file.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct RunCommandTests {
        private func run(_ options: [String] = [], _ command: [String]) throws -> Server {
            try Server { httpPort, httpsPort in
                let listeners = """
                    [{"url":"http://localhost:\(httpPort)"},
                     {"url":"https://localhost:\(httpsPort)",
                      "certificate":"certs/localhost.crt","key":"certs/localhost.key"}]
                    """
                return ["run", "--set", "listeners=" + listeners] + options + ["--"] + command
            }
        }

        @Test func `one program is served as the module main`() throws {
            let server = try run([], ["python3", "examples/modules/host.py"])
            let plain = try curl("--data", "{}", server.http("/v1/modules/main/disk"))
            #expect(plain.status == 200)
            let safe = try curl(
                "--cacert", Checkout.authority, server.https("/v1/modules/main/load"))
            #expect(safe.status == 200)
            let stream = try StreamReader(server.http("/v1/events?signal=demo.*"))
            _ = try curl("--data", "{}", server.http("/v1/signals/demo.hello"))
            _ = try stream.events(of: "demo.hello", count: 1)
            try server.stop(by: SIGINT)
        }

        @Test func `arguments after the dashes are the program's own`() throws {
            let program =
                "import sys, json\nfor line in sys.stdin:\n"
                + " print(json.dumps({'jsonrpc': '2.0', 'id': json.loads(line)['id'],"
                + " 'result': sys.argv[1:]}), flush=True)"
            let server = try run([], ["python3", "-c", program, "--help", "two words", "--", ""])
            let answer = try curl("--data", "{}", server.http("/v1/modules/main/any"))
            #expect(answer.body == #"["--help", "two words", "--", ""]"#)
            try server.stop()
        }

        @Test func `a program's signals may have any name of its own`() throws {
            let server = try run([], ["python3", "examples/modules/host.py"])
            let stream = try StreamReader(server.http("/v1/events?signal=**"))
            // It has said its load when it was started, before there was a stream: start it anew.
            kill(try server.onlyChild().pid, SIGKILL)
            _ = try curl("--data", "{}", server.http("/v1/modules/main/load"))
            let event = try #require(try stream.events(of: "host.load", count: 1).first)
            #expect(try jsonObject(event.data)?["load1"] is NSNumber)
            try server.stop()
        }
    }
}
