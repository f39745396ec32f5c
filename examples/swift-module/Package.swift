// swift-tools-version: 6.2
// A gateway with modules of its own, in one process. `swift run`, then
//   curl http://localhost:8080/v1/modules/shop/price -d '{"item":"tea","count":3}'
import PackageDescription

let package = Package(
    name: "swift-module",
    dependencies: [.package(name: "signalbox", path: "../..")],
    targets: [
        .executableTarget(
            name: "shop",
            dependencies: [
                .product(name: "Gateway", package: "signalbox"),
                .product(name: "Notifier", package: "signalbox"),
            ])
    ]
)
