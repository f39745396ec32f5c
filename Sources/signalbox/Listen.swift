// Listen: `signalbox listen SIGNAL…`: prints events as they come, until it is interrupted. A stream
// that breaks off is opened again behind the last event that was printed.

internal import ArgumentParser
internal import Bytes
internal import HTTP
internal import JSON
internal import Notifier

/// Prints events.
struct Listen: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the events of a running gateway as they come.",
        usage: "signalbox listen SIGNAL… [--last-event-id ID] [--json] [--url URL]",
        discussion: """
            A signal is a name, or a pattern: a.* for one more segment, a.** for the rest, ** for \
            everything. A line has the signal's name and its data; with --json it is an object \
            with id, signal and data. Ends with ^C. After a break it goes on behind the last \
            event.

            Example:  signalbox listen 'host.**' demo.tick
            """)

    @Argument(help: "Names or patterns.")
    var signals: [String]

    @Option(help: ArgumentHelp("Begin behind this event.", valueName: "id"))
    var lastEventID: String?

    @Flag(help: "Print each event as a JSON object on a line.")
    var json = false

    @OptionGroup var options: GatewayOptions

    func run() throws {
        // Before the first thread starts, so that no thread has them open.
        let ends: [ProcessSignal] = [.interrupt, .terminate]
        ProcessSignals.block(ends)
        let client = GatewayClient(options) { limits in
            limits.headTimeout = .seconds(30)
            // The gateway says something every 15 s; four times nothing is a dead connection.
            limits.bodyTimeout = .seconds(60)
            limits.bodyProgressBytes = 1
        }
        let printer = EventPrinter(asJSON: json)
        let follower = StreamFollower(
            client, signals: signals, lastEventID: lastEventID ?? ""
        ) { event in
            if !Terminal.print(printer.line(event)) { client.loop.stop() }
        }
        let signals = try ProcessSignals(ends, on: client.loop) { _ in client.loop.stop() }
        follower.open()
        client.loop.run()
        signals.close()
    }
}

/// Events as lines.
struct EventPrinter {
    private let isJSON: Bool

    /// Makes lines for people, or for programs.
    init(asJSON isJSON: Bool) { self.isJSON = isJSON }

    /// The line for `event`.
    func line(_ event: StreamedEvent) -> String {
        guard isJSON else { return Terminal.plain("\(event.name) \(event.data)", asLine: true) }
        var output = ByteBuffer()
        JSONWriter.append(to: &output) { json in
            json.beginObject()
            json.key("id")
            json.string(event.id)
            json.key("signal")
            json.string(event.name)
            json.key("data")
            var data = event.data
            data.withUTF8 { bytes in
                var compact = ByteBuffer()
                let bytes = UnsafeRawBufferPointer(bytes)
                if (try? JSONScanner.compact(bytes, into: &compact, maxDepth: 1024)) != nil {
                    json.raw(compact.readable)
                } else {
                    json.string(bytes)
                }
            }
            json.endObject()
        }
        return output.text()
    }
}
