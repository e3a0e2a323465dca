// swift-tools-version: 6.3
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
]

/// A library target with the settings that every target of this package shares.
func module(
  _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
  .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

/// The tests of one module.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// Leaves out what is not called, folds functions that are the same, and packs the relocations: less to keep in memory.
let slim: [LinkerSetting] = [
  .unsafeFlags(
    [
      "-use-ld=lld", "-Xlinker", "--no-export-dynamic", "-Xlinker", "--icf=safe", "-Xlinker", "-z", "-Xlinker",
      "pack-relative-relocs",
    ], .when(configuration: .release))
]

/// What `wf --version` prints; `make` takes it from git (version.sh).
let version = Context.environment["WF_VERSION"] ?? "unversioned"

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")

let package = Package(
  name: "wf",
  products: [
    .executable(name: "wf", targets: ["wf"]),
    .library(
      name: "WorkflowCommand", targets: ["WorkflowCommand", "WorkflowOperations", "Workflow", "ExactJSON"]),
    // For tests only: preloaded into processes whose clock is to step.
    .library(name: "FakeClock", type: .dynamic, targets: ["FakeClock"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
  ],
  targets: [
    .systemLibrary(name: "CFastCGI", pkgConfig: "fcgi", providers: [.apt(["libfcgi-dev"])]),
    // No pkgConfig: hiredis.pc asks for -D_FILE_OFFSET_BITS, which SwiftPM refuses with a warning.
    .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
    // Needs the headers of libcurl4-openssl-dev.
    .target(name: "CCurl"),
    // Needs the headers of libssl-dev.
    .target(name: "CTLS"),
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "COpenSSL", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "CVersion", cSettings: [.define("WF_VERSION", to: "\"\(version)\"")]),
    module("LinuxSupport", ["CLinux"]),
    module("FastCGI", ["CFastCGI", "LinuxSupport", deque, logging]),
    module("Metrics", ["ExactJSON", "LinuxSupport"]),
    module("Hiredis", ["CHiredis", "CTLS", "LinuxSupport", deque, logging]),
    module("Curl", ["CCurl", "LinuxSupport"]),
    module("OpenSSL", ["COpenSSL"]),
    module("AccessKeys", ["OpenSSL", "LinuxSupport", logging]),
    module("ExactJSON"),
    module("Scheduling", ["LinuxSupport"]),
    module("Tracing", ["ExactJSON"]),
    module("OTLP", ["Tracing", "Curl", "ExactJSON", "LinuxSupport", logging]),
    module("Workflow", ["ExactJSON", "Scheduling", "Tracing"]),
    module(
      "WorkflowStore", ["Hiredis", "LinuxSupport", "Metrics", "OpenSSL", "Workflow", "Tracing", "ExactJSON", deque],
      resources: [.embedInCode("Scripts")]
    ),
    module("WorkflowLLM", ["Curl", "Workflow", "Tracing", "ExactJSON", logging]),
    module("WorkflowOperations", ["WorkflowLLM", "Workflow", "Tracing", "ExactJSON", "Curl", "LinuxSupport"]),
    module(
      "WorkflowWorker",
      [
        "WorkflowStore", "WorkflowOperations", "WorkflowLLM", "Workflow", "ExactJSON", "Scheduling", "Curl", "Hiredis",
        "OpenSSL", "LinuxSupport", "Metrics", "Tracing", logging, lifecycle,
      ]),
    module("WorkflowPages", ["CZlib", "OpenSSL", "ExactJSON"], resources: [.embedInCode("Resources")]),
    module(
      "WorkflowAPI",
      [
        "AccessKeys", "FastCGI", "LinuxSupport", "Metrics", "OpenSSL", "WorkflowPages", "WorkflowStore",
        "WorkflowOperations", "Workflow", "ExactJSON", "Scheduling", "Tracing", logging, lifecycle,
      ]),
    module(
      "WorkflowCommand",
      [
        "AccessKeys", "WorkflowAPI", "WorkflowWorker", "WorkflowOperations", "WorkflowLLM", "WorkflowStore", "Workflow",
        "ExactJSON", "Scheduling", "FastCGI", "Hiredis", "Curl", "LinuxSupport", "Metrics", "Tracing", "OTLP", "CLinux",
        "CVersion",
        arguments,
        logging, lifecycle,
        signals,
        subprocess, system,
      ],
      resources: [.embedInCode("Resources")]),
    .executableTarget(
      name: "wf", dependencies: ["WorkflowCommand"], swiftSettings: settings, linkerSettings: slim),
    tests("LinuxSupportTests", ["LinuxSupport"]),
    tests("MetricsTests", ["Metrics"]),
    tests("FastCGITests", ["FastCGI", "CFastCGI", "LinuxSupport", logging]),
    tests("HiredisTests", ["Hiredis", "LinuxSupport", "RedisFixture", logging]),
    tests("CurlTests", ["Curl", "LinuxSupport"]),
    tests("OpenSSLTests", ["OpenSSL"]),
    tests("AccessKeysTests", ["AccessKeys", logging]),
    tests("SchedulingTests", ["Scheduling", "SeededRandom"]),
    tests("ExactJSONTests", ["ExactJSON", "SeededRandom"]),
    tests("TracingTests", ["Tracing", "ExactJSON"]),
    tests("OTLPTests", ["OTLP", "Tracing", "Curl", "ExactJSON", "ModelServer", logging]),
    tests("WorkflowTests", ["Workflow", "ExactJSON", "Scheduling", "SeededRandom", subprocess, system]),
    tests(
      "WorkflowStoreTests",
      [
        "WorkflowStore", "Hiredis", "LinuxSupport", "Metrics", "Workflow", "Tracing", "ExactJSON", "RedisFixture",
        "SeededRandom", logging,
      ]),
    tests("WorkflowLLMTests", ["WorkflowLLM", "Workflow", "Curl", "ExactJSON", "ModelServer", logging]),
    tests(
      "WorkflowOperationsTests",
      ["WorkflowOperations", "WorkflowLLM", "Workflow", "ExactJSON", "Curl", "ModelServer", "SeededRandom"]),
    tests("WorkflowPagesTests", ["WorkflowPages", "ExactJSON"]),
    tests(
      "WorkflowAPITests",
      [
        "WorkflowAPI", "AccessKeys", "FastCGI", "Metrics", "WorkflowPages", "WorkflowStore", "Workflow", "ExactJSON",
        "Hiredis",
        "RedisFixture", logging,
      ]),
    tests(
      "WorkflowWorkerTests",
      [
        "WorkflowWorker", "WorkflowStore", "WorkflowOperations", "Hiredis", "Metrics", "Workflow", "ExactJSON",
        "RedisFixture", logging,
      ]),
    .target(name: "FakeClock", path: "Tests/FakeClock"),
    tests(
      "WorkflowCommandTests",
      [
        "WorkflowCommand", "WorkflowAPI", "WorkflowOperations", "WorkflowLLM", "Metrics", "ModelServer", "Workflow",
        "ExactJSON", "Scheduling", "Curl", "Hiredis", arguments, logging, system,
      ]),
    // The example of the page OwnOperations.
    .executableTarget(
      name: "our-wf", dependencies: ["WorkflowCommand"], path: "Tests/OwnOperation", swiftSettings: settings),
    .target(name: "SeededRandom", path: "Tests/SeededRandom", swiftSettings: settings),
    .target(name: "RedisFixture", dependencies: ["Hiredis"], path: "Tests/RedisFixture", swiftSettings: settings),
    .target(
      name: "ModelServer", dependencies: ["ExactJSON"], path: "Tests/ModelServer", swiftSettings: settings),
    .target(
      name: "SystemHarness",
      dependencies: [
        "wf", "our-wf", "Curl", "ExactJSON", "Hiredis", "RedisFixture", "WorkflowStore", logging, subprocess, system,
      ],
      path: "Tests/SystemHarness", swiftSettings: settings),
    // What `make chaos` runs.
    .executableTarget(
      name: "chaos",
      dependencies: [
        "SystemHarness", "Curl", "ExactJSON", "Hiredis", "ModelServer", "RedisFixture", "SeededRandom", arguments,
        subprocess, system,
      ],
      path: "Tests/Chaos", swiftSettings: settings),
    tests(
      "SystemTests",
      [
        "AccessKeys", "SystemHarness", "Curl", "ExactJSON", "Hiredis", "LinuxSupport", "Metrics", "ModelServer",
        "RedisFixture", "SeededRandom", "Workflow", "WorkflowLLM", "WorkflowPages", "WorkflowStore", logging,
        subprocess, system,
      ]),
  ]
)
