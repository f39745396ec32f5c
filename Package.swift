// swift-tools-version: 6.2
// The floors of the house (docs/ARCHITECTURE.md): a target imports only targets below it, and
// `swift build --explicit-target-dependency-import-check error` holds everyone to it.
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

func floor(
    _ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], path: String? = nil,
    resources: [Resource] = [], exclude: [String] = []
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: path, exclude: exclude,
        resources: resources, swiftSettings: strict)
}

/// A program of examples/notifier, with nothing but the library.
func example(_ name: String) -> Target {
    .executableTarget(
        name: "example-\(name)", dependencies: ["Notifier"], path: "examples/notifier/\(name)",
        swiftSettings: strict)
}

let examples = [
    "timer", "echo", "log-tail", "child", "run-and-kill", "signals", "workers", "async",
    "embedding",
]

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
    name: "signalbox",
    products: [
        .library(name: "Notifier", targets: ["Notifier"]),
        .library(name: "Gateway", targets: ["Gateway"]),
        .executable(name: "signalbox", targets: ["signalbox"]),
    ],
    dependencies: [
        // The command line: parsing, help, completions and the man page from one description.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // The logging API that embedders know; the sink behind it is our own.
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        // 0: C
        .target(name: "CLinux"),
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        // 1: bytes
        floor("Bytes", []),
        // 2: the loop and the values
        floor("Notifier", ["Bytes", "CLinux"]),
        floor("HTTPWire", ["Bytes"]),
        floor("JSON", ["Bytes"]),
        floor("TLS", ["Bytes", "COpenSSL"]),
        floor("Compression", ["Bytes", "CZlib"]),
        // 3: connections
        floor("HTTP", ["Bytes", "CLinux", "Notifier", "HTTPWire", "TLS", "Compression"]),
        // 4: the gateway
        floor(
            "Gateway",
            [
                "Bytes", "CSQLite", "Notifier", "HTTPWire", "JSON", "TLS", "Compression", "HTTP",
                logging,
            ],
            resources: [.embedInCode("Signals/Resources/signalbox.js")]),
        // 5: the command
        .executableTarget(
            name: "signalbox",
            dependencies: [
                "Gateway", "Bytes",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        // The example of an embedding program, so that it is built and tested with the rest.
        .executableTarget(
            name: "shop", dependencies: ["Gateway", "Notifier"],
            path: "examples/swift-module/Sources/shop", swiftSettings: strict),
        // Benchmarks
        .executableTarget(name: "bench-worker", path: "Tests/Benchmarks/Worker"),
        .executableTarget(
            name: "bench-notifier", dependencies: ["Notifier", "CLinux"],
            path: "Tests/Benchmarks/notifier/swift", swiftSettings: strict),
        // Tests
        tests("BytesTests", ["Bytes"]),
        tests("NotifierTests", ["Notifier", "Bytes", "CLinux"], exclude: ["PARITY.md"]),
        tests("HTTPWireTests", ["HTTPWire", "Bytes"], resources: [.copy("Vectors")]),
        tests("JSONTests", ["JSON", "Bytes"], resources: [.copy("Corpus")]),
        tests("TLSTests", ["TLS", "Bytes", "COpenSSL"]),
        tests("CompressionTests", ["Compression", "Bytes"]),
        tests("HTTPTests", ["HTTP", "HTTPWire", "TLS", "Notifier", "Bytes", "CLinux"]),
        tests(
            "GatewayTests",
            ["Gateway", "HTTP", "HTTPWire", "Compression", "JSON", "Notifier", "Bytes", logging],
            exclude: ["Cron"]),
        // The built command with real curl, openssl, Chromium and proxies.
        tests(
            "EndToEndTests",
            ["signalbox", "bench-worker", "shop"]
                + examples.map { .byName(name: "example-\($0)") },
            path: "Tests/EndToEnd",
            exclude: [
                "browser", "clients", "modules", "attacks.py", "chaos", "chaos.py", "strangers",
                "hub.py", "hub_gateway.py", "hub_log.py", "visible.py", "clients.py",
                "storm_memory.py", "pipelines.py", "floods.py", "leaving.py",
            ]),
    ] + examples.map(example)
)
