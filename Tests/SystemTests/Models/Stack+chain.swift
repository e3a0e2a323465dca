import ExactJSON
import ModelServer
import SystemHarness
import SystemPackage

/// Two models, `first` and `second`, of a file, each a server of the test's own.
struct ModelChain: Sendable {
  let first: ModelServer
  let second: ModelServer

  /// The text of the file.
  /// - Parameter more: members of the file besides `models`.
  func file(_ more: String = #""default":["first","second"],"next_after":{"attempts":2,"rate_limit_s":5}"#) -> String {
    let models = [("first", "m1", first), ("second", "m2", second)].map { name, model, server in
      #"{"name":"\#(name)","base_url":"\#(server.baseURL)","model":"\#(model)","api_key_env":"\#(name.uppercased())_KEY"}"#
    }
    return #"{"models":[\#(models.joined(separator: ","))],\#(more)}"#
  }

  /// The keys that the file names.
  static let keys = ["FIRST_KEY": "hush-first", "SECOND_KEY": "hush-second"]

  /// The keys that calls of a server carried.
  func idempotencyKeys(_ server: ModelServer) -> [String] { server.calls.compactMap { $0.headers["idempotency-key"] } }
}

/// Runs a body with two models, and a folder with their file.
func withModelChain(_ body: @escaping @Sendable (ModelChain, _ path: String) async throws -> Void) async throws {
  try await withFolder { folder in
    let chain = ModelChain(first: try ModelServer(), second: try ModelServer())
    defer {
      chain.first.close()
      chain.second.close()
    }
    try write(chain.file(), to: "\(folder)/models.json")
    try await body(chain, "\(folder)/models.json")
  }
}

/// Writes a file.
func write(_ text: String, to path: String) throws {
  let file = try FileDescriptor.open(
    FilePath(path), .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite])
  _ = try file.closeAfter { try file.writeAll(text.utf8) }
}

extension Stack {
  /// The key of what all workers know of a model, which is in the first partition.
  func modelKey(_ name: String) -> String { prefixes[0] + "model:\(name)" }

  /// The key of what a run has spent on models.
  func spentKey(of run: String) -> String { prefixes[0] + "spent:\(run)" }

  /// Runs a body against a stack with two models; a run whose models fail fails. The lease is short.
  static func withChain(
    workers: Int = 1, settings: [String: String] = [:],
    _ body: @escaping @Sendable (Stack, ModelChain) async throws -> Void
  ) async throws {
    try await withModelChain { chain, path in
      let own = ["WF_MODELS_FILE": path, "WF_LLM_FALLBACK": "fail", "WF_LEASE_S": "2"].merging(ModelChain.keys) { $1 }
      try await Stack.with(.init(workers: workers, settings: own.merging(settings) { $1 })) {
        try await body($0, chain)
      }
    }
  }
}
