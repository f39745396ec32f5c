// swift-tools-version: 6.2
// A package of its own, because it needs Debian's libhiredis-dev; also how any program outside this
// checkout would depend on the library Notifier.
import PackageDescription

let package = Package(
    name: "example-hiredis",
    dependencies: [.package(name: "signalbox", path: "../../..")],
    targets: [
        .systemLibrary(
            name: "CHiredis", pkgConfig: "hiredis", providers: [.apt(["libhiredis-dev"])]),
        .executableTarget(
            name: "example-hiredis",
            dependencies: ["CHiredis", .product(name: "Notifier", package: "signalbox")],
            swiftSettings: [.swiftLanguageMode(.v6)]),
    ]
)
