// Event streams and calls through the reverse proxies of docker/, as those files configure them.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct ProxyTests {
        /// Starts a proxy by its recipe on a free port in front of `server`.
        private func start(_ proxy: String, before server: Server) throws -> (Program, Int) {
            let port = try FreePort.take(1)[0]
            let folder = try TemporaryFolder()
            let file = proxy == "nginx" ? "nginx.conf" : "haproxy.cfg"
            let recipe = try Checkout.read("docker/\(file)")
                .replacing("127.0.0.1:8000", with: "127.0.0.1:\(port)")
                .replacing("127.0.0.1:8080", with: "127.0.0.1:\(server.httpPort)")
                .replacing("/tmp/signalbox-nginx.pid", with: folder.file("pid"))
            let path = try folder.write(recipe, to: file)
            let arguments =
                proxy == "nginx"
                ? ["nginx", "-c", path, "-g", "daemon off;"] : ["haproxy", "-f", path, "-W"]
            let searchPath = ProcessInfo.processInfo.environment["PATH"] ?? ""
            let program = try Program(
                arguments, environment: ["PATH": searchPath + ":/usr/sbin:/sbin"])
            try waitUntil("\(proxy): \(program.errors)") {
                try curl("http://127.0.0.1:\(port)/livez").status == 200
            }
            return (program, port)
        }

        @Test(arguments: ["nginx", "haproxy"])
        func `calls and events pass`(proxy: String) throws {
            try Server.run(Configuration(hasTick: false)) { server in
                let (program, port) = try start(proxy, before: server)
                let base = "http://127.0.0.1:\(port)/v1"
                let call = try curl("--data", #"{"n":1}"#, base + "/modules/slow/echo")
                #expect(call.status == 200 && call.body == #"{"n":1}"#)
                _ = try curl(base + "/modules/slow/nothing").expectProblem(405)

                let stream = try StreamReader(base + "/events?signal=demo.*")
                for number in 1...3 {
                    // Each event must come before the next is sent: nothing is held back.
                    _ = try curl("--data", "\(number)", server.http("/v1/signals/demo.count"))
                    let events = try stream.events(
                        of: "demo.count", count: number, within: .seconds(1))
                    #expect(events.map(\.data) == (1...number).map { "\($0)" })
                }
                try stream.close()
                program.send(SIGTERM)
                try program.wait()
            }
        }
    }
}
