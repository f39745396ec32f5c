// The pages tell the truth: every command that they show is run against the built program, with the
// configuration that `make run` serves, and must print what they say.

import Foundation
import Testing

/// Runs the commands of one page in order, streams beside the others.
private struct PageRun {
    let server: Server
    private var open: [(DocumentedCommand, Program)] = []
    private var outputs = ""

    init(server: Server) {
        self.server = server
    }

    /// Runs one command; one that stays open is looked at again by `finish`.
    mutating func run(_ documented: DocumentedCommand) throws {
        let program = try Program(["sh", "-c", substituted(documented.command)])
        if documented.staysOpen {
            // The commands below it count on its being there.
            try waitUntil("the first line of: \(documented)\n\(program.errors)") {
                program.output.contains("\n")
            }
            open.append((documented, program))
            return
        }
        try program.wait()
        outputs += program.output
        let isRight = documented.matches(program.output)
        #expect(isRight, "\(documented)\nprinted:\n\(program.output)\(program.errors)")
    }

    /// Waits until all that stay open have printed what the page says.
    func finish() throws {
        for (documented, program) in open {
            // The load, in two digits, changes every few seconds on a machine that runs tests.
            try waitUntil("\(documented) to print:\n\(program.output)", within: .seconds(60)) {
                documented.matches(program.output)
            }
            kill(-program.pid, SIGINT)
            try program.wait()
        }
    }

    /// The command with the ports of this gateway, and its epoch for that of the page.
    private func substituted(_ command: String) throws -> String {
        var text = server.substitutedPorts(command)
        if text.contains("k3f9-") {
            let id = try #require(outputs.firstMatch(of: /"id":"([^"-]+)-[0-9]+"/))
            text = text.replacing("k3f9-", with: id.1 + "-")
        }
        return text
    }
}

extension Server {
    /// `text` with the ports of this gateway instead of the usual ones.
    fileprivate func substitutedPorts(_ text: String) -> String {
        DocumentationPorts.substitute(text, httpPort: httpPort, httpsPort: httpsPort)
    }
}

private enum DocumentationPorts {
    static func substitute(_ text: String, httpPort: Int, httpsPort: Int) -> String {
        text.replacing("localhost:8080", with: "localhost:\(httpPort)")
            .replacing("localhost:8443", with: "localhost:\(httpsPort)")
    }
}

extension EndToEnd {
    @Suite struct DocumentationTests {
        @Test(arguments: ["README.md", "docs/MODULES.md", "docs/API.md"])
        func `every command of the page prints what the page says`(page: String) throws {
            let commands = DocumentedCommand.all(in: try Checkout.read(page))
            #expect(!commands.isEmpty)
            let tree = try servedTree()
            let configuration = try String(
                contentsOfFile: tree.file("config/signalbox.json5"), encoding: .utf8)
            let server = try Server(in: tree, "config/signalbox.json5") {
                DocumentationPorts.substitute(configuration, httpPort: $0, httpsPort: $1)
            }
            var run = PageRun(server: server)
            for command in commands { try run.run(command) }
            try run.finish()
            try server.stop()
        }

        @Test(arguments: ["hello.py", "hello.mjs", "hello.sh"])
        func `the README shows the example as it is`(file: String) throws {
            let example = try Checkout.read("examples/modules/\(file)")
            #expect(try Checkout.read("README.md").contains("\n\(example)```\n"))
        }

        @Test func `an example fits on one screen`() throws {
            for file in ["hello.py", "hello.mjs", "hello.sh"] {
                let lines = try Checkout.read("examples/modules/\(file)").split(separator: "\n")
                #expect(lines.count <= 20, "\(file)")
            }
        }

        @Test(arguments: ["README.md", "docs/MODULES.md", "docs/API.md", "docs/ARCHITECTURE.md"])
        func `every link to a file leads somewhere`(page: String) throws {
            let text = try Checkout.read(page)
            let folder = page.contains("/") ? Checkout.root + "/docs/" : Checkout.root + "/"
            let links = text.matches(of: /\]\(([^):#]+)\)/).map { String($0.1) }
            for link in links {
                #expect(FileManager.default.fileExists(atPath: folder + link), "\(link)")
            }
        }

        /// A folder that looks like the checkout to the served configuration, with the module
        /// that the README adds to it.
        private func servedTree() throws -> TemporaryFolder {
            let tree = try TemporaryFolder()
            let files = FileManager.default
            for folder in ["examples", "certs"] {
                try files.createSymbolicLink(
                    atPath: tree.file(folder),
                    withDestinationPath: Checkout.root + "/" + folder)
            }
            try files.createDirectory(
                atPath: tree.file("config"), withIntermediateDirectories: false)
            let snippet = try #require(
                try Checkout.read("README.md").firstMatch(of: /```json5\nmodules: \{\n(.*\n)\}\n/))
            let configuration = try Checkout.read("config/signalbox.json5")
            let place = try #require(configuration.firstRange(of: "\n    modules: {\n"))
            let text = configuration.replacingCharacters(
                in: place, with: "\n    modules: {\n" + snippet.1)
            _ = try tree.write(text, to: "config/signalbox.json5")
            return tree
        }
    }
}
