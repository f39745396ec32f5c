// The example modules by themselves: what they answer when a gateway speaks to them, without one.

import Foundation
import Testing

/// A module program fed with lines, and what it wrote until it ended.
private struct Conversation {
    let messages: [[String: Any]]
    let errors: String

    /// Starts a module of the examples, feeds it all lines, and waits for its end.
    init(_ program: [String], _ lines: [String]) throws {
        let file = "examples/modules/" + program[program.count - 1]
        let command = try Command.run(
            program.dropLast() + [file], input: lines.map { $0 + "\n" }.joined())
        #expect(command.status == 0, "\(command.errors)")
        messages = try command.lines.map { line in
            let message = try #require(try jsonObject(String(line)))
            #expect(message["jsonrpc"] as? String == "2.0")
            return message
        }
        errors = command.errors
    }

    /// The answer to a request.
    func answer(_ id: Int) throws -> [String: Any] {
        let found = messages.filter { $0["id"] as? Int == id }
        #expect(found.count == 1, "answers to \(id)")
        return try #require(found.first)
    }

    /// The result of a request.
    func result(_ id: Int) throws -> [String: Any] {
        let answer = try answer(id)
        return try #require(answer["result"] as? [String: Any], "\(answer)")
    }

    /// The code of a request's error, and the HTTP status that it declares.
    func fault(_ id: Int) throws -> (code: Int?, status: Int?) {
        let error = try #require(try answer(id)["error"] as? [String: Any])
        #expect((error["message"] as? String)?.isEmpty == false)
        return (error["code"] as? Int, (error["data"] as? [String: Any])?["status"] as? Int)
    }

    /// The data of the signals of one name.
    func signals(_ name: String) -> [[String: Any]] {
        messages.filter { $0["method"] as? String == "signal" }
            .compactMap { $0["params"] as? [String: Any] }
            .filter { $0["name"] as? String == name }
            .compactMap { $0["data"] as? [String: Any] }
    }
}

/// A request line.
private func request(_ id: Int, _ method: String, _ params: String? = nil) -> String {
    let member = params.map { #","params":\#($0)"# } ?? ""
    return #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)"\#(member)}"#
}

extension EndToEnd {
    @Suite struct ModuleTests {
        private static let host = ["python3", "host.py"]
        private static let hellos = [
            ["python3", "hello.py"], ["node", "hello.mjs"], ["sh", "hello.sh"],
        ]

        @Test func `host answers its four commands`() throws {
            let talk = try Conversation(
                Self.host,
                [
                    request(1, "load"), request(2, "memory"), request(3, "disk"),
                    request(4, "processes", #"{"limit":3}"#),
                    request(5, "processes", #"{"limit":"2"}"#),
                ])
            #expect(try talk.result(1)["load1"] is NSNumber)
            let memory = try talk.result(2)
            let total = try #require(memory["total"] as? Int)
            #expect(total == Int(ProcessInfo.processInfo.physicalMemory))
            #expect(try #require(memory["available"] as? Int) <= total)
            #expect(try talk.result(3)["mount"] as? String == "/")
            let processes = try #require(try talk.result(4)["processes"] as? [[String: Any]])
            #expect(processes.count == 3)
            let sizes = processes.compactMap { $0["memory"] as? Int }
            #expect(sizes == sizes.sorted(by: >))
            #expect((try talk.result(5)["processes"] as? [Any])?.count == 2)
        }

        @Test func `host emits the load when it starts`() throws {
            let talk = try Conversation(Self.host, [])
            let signals = talk.signals("host.load")
            #expect(signals.count == 1)
            #expect(signals.first?["load1"] is NSNumber)
        }

        @Test(arguments: [
            ("nothing", "{}", -32601, nil),
            ("disk", #"{"mount":"/no/such"}"#, -32000, 404),
            ("disk", #"{"mount":7}"#, -32602, 422),
            ("disk", #"{"mount":"relative"}"#, -32602, 422),
            ("disk", #"{"other":1}"#, -32602, 422),
            ("disk", #"["/"]"#, -32602, 422),
            ("processes", #"{"limit":0}"#, -32602, 422),
            ("processes", #"{"limit":true}"#, -32602, 422),
        ])
        func `host refuses what it cannot do`(
            method: String, params: String, code: Int, status: Int?
        ) throws {
            let talk = try Conversation(Self.host, [request(1, method, params)])
            let fault = try talk.fault(1)
            #expect(fault.code == code)
            #expect(fault.status == status)
        }

        @Test(arguments: ["{", "[1]", "7", #"{"jsonrpc":"2.0","id":1}"#, #"{"id":1,"method":7}"#])
        func `host survives what is no request`(line: String) throws {
            let talk = try Conversation(Self.host, [line, request(2, "load")])
            _ = try talk.result(2)
            let errors = talk.messages.filter { $0["error"] != nil }
            #expect(errors.count == 1 && errors[0]["id"] is NSNull)
        }

        @Test func `host describes its commands`() throws {
            let talk = try Conversation(Self.host, [request(1, "rpc.discover")])
            let methods = try #require(try talk.result(1)["methods"] as? [[String: Any]])
            #expect(
                methods.compactMap { $0["name"] as? String } == [
                    "load", "memory", "disk", "processes",
                ])
            let disk = try #require(methods[2]["params"] as? [[String: Any]])
            #expect(disk.first?["name"] as? String == "mount")
            #expect((disk.first?["schema"] as? [String: Any])?["type"] as? String == "string")
        }

        @Test(arguments: hellos)
        func `hello greets, signals and describes itself`(program: [String]) throws {
            let talk = try Conversation(
                program,
                [
                    request(1, "hello", #"{"name":"you"}"#), request(2, "hello"),
                    request(3, "hello", #"{"name":""}"#), request(4, "nothing"),
                    request(5, "rpc.discover"),
                    #"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}"#,
                ])
            #expect(try talk.result(1)["hello"] as? String == "you")
            #expect(try talk.result(2)["hello"] as? String == "world")
            #expect(try talk.fault(3).status == 422)
            #expect(try talk.fault(4).code == -32601)
            let methods = try #require(try talk.result(5)["methods"] as? [[String: Any]])
            #expect(methods.compactMap { $0["name"] as? String } == ["hello"])
            let greeted = talk.signals("hello.greeted").compactMap { $0["name"] as? String }
            #expect(Set(greeted) == ["you", "world"])
        }

        @Test(arguments: hellos)
        func `hello keeps every character`(program: [String]) throws {
            let name =
                #"Zoë \"quoted\" \\ / \/ \n\r\t\b\f \u0001 \u00e9 \ud83d\ude00 "#
                + "{a:[1,2}, $HOME `id` %s"
            let escaped = #"{"other":{"name":"wrong"},"name":"\#(name)"}"#
            let expected = try #require(try jsonObject(escaped)?["name"] as? String)
            // Python's checks its parameters by name; the other two take what they know.
            let params = program[0] == "python3" ? #"{"name":"\#(name)"}"# : escaped
            let talk = try Conversation(program, [request(1, "hello", params)])
            #expect(try talk.result(1)["hello"] as? String == expected)
            #expect(talk.signals("hello.greeted").first?["name"] as? String == expected)
        }

        @Test func `a module that fails is answered for`() throws {
            let folder = try TemporaryFolder()
            let examples = Checkout.root + "/examples/modules"
            let programs = [
                (
                    ["python3"],
                    try folder.write(
                        """
                        import sys; sys.path.insert(0, '\(examples)')
                        from signalbox_module import command, run
                        @command
                        def boom(): print("a stray line"); return 1 / 0
                        run()
                        """, to: "boom.py")
                ),
                (
                    ["node"],
                    try folder.write(
                        """
                        import { command, run } from "\(examples)/signalbox-module.mjs";
                        command("boom", {}, () => { console.log("a stray line"); null.x; });
                        run();
                        """, to: "boom.mjs")
                ),
                (
                    ["sh"],
                    try folder.write(
                        """
                        . \(examples)/signalbox-module.sh
                        boom() { echo "a stray line"; false; }
                        serve boom
                        """, to: "boom.sh")
                ),
            ]
            for (interpreter, file) in programs {
                let command = try Command.run(
                    interpreter + [file], input: request(1, "boom") + "\n")
                #expect(command.status == 0)
                #expect(command.errors.contains("a stray line"))
                #expect(command.lines.count == 1)
                let answer = try #require(try jsonObject(command.output))
                #expect(answer["id"] as? Int == 1 && answer["error"] != nil)
            }
        }

        @Test func `the helpers report how a call is getting on`() throws {
            let folder = try TemporaryFolder()
            let examples = Checkout.root + "/examples/modules"
            let programs = [
                (
                    ["python3"],
                    try folder.write(
                        """
                        import sys; sys.path.insert(0, '\(examples)')
                        from signalbox_module import command, progress, run
                        progress("nobody has called yet")
                        @command
                        def work(): progress({"percent": 40}); return True
                        run()
                        """, to: "work.py")
                ),
                (
                    ["node"],
                    try folder.write(
                        """
                        import { command, run } from "\(examples)/signalbox-module.mjs";
                        command("work", {}, async (_, { progress }) => {
                            progress({ percent: 40 });
                            return true;
                        });
                        run();
                        """, to: "work.mjs")
                ),
                (
                    ["sh"],
                    try folder.write(
                        """
                        . \(examples)/signalbox-module.sh
                        work() { progress '{"percent":40}'; result true; }
                        serve work
                        """, to: "work.sh")
                ),
            ]
            for (interpreter, file) in programs {
                let command = try Command.run(
                    interpreter + [file], input: request(7, "work") + "\n")
                #expect(command.lines.count == 2, "\(command.output)")
                let report = try #require(try jsonObject(String(command.lines.first ?? "")))
                #expect(report["method"] as? String == "progress" && report["id"] == nil)
                let params = try #require(report["params"] as? [String: Any])
                #expect(params["id"] as? Int == 7)
                #expect(params["value"] as? [String: Int] == ["percent": 40])
                let answer = try jsonObject(String(command.lines.last ?? ""))
                #expect(answer?["result"] as? Bool == true)
            }
        }
    }
}
