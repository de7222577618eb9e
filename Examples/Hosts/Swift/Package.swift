// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "TinyPolicy",
  dependencies: [.package(name: "LossKit", path: "../../..")],
  targets: [
    .executableTarget(
      name: "TinyPolicy",
      dependencies: [
        .product(name: "LossKit", package: "LossKit"), .product(name: "LossKitRuntime", package: "LossKit"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
