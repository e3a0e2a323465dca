import SystemHarness

/// A Redis or a sentinel that is asked by `redis-cli`: wf's own client talks to no replica.
struct RedisCLI: Sendable {
  /// The options that name it.
  let target: [String]

  /// One that is reached by its socket in the file system, whatever becomes of the network.
  init(socket: String) { target = ["-s", socket] }

  /// One that is reached by TCP.
  init(host: String, port: Int) { target = ["-h", host, "-p", "\(port)"] }

  /// Sends a command.
  /// - Returns: the answer as text, an element on each line.
  @discardableResult
  func send(_ words: String...) async throws -> String { try await send(words) }

  /// Sends a command, and waits for its answer for some seconds.
  /// - Throws: when there is none, or it is an error: a word in capitals, and a sentence.
  @discardableResult
  func send(_ words: [String]) async throws -> String {
    let text = try await Shell.run("timeout", ["5", "redis-cli"] + target + words)
    guard !text.isEmpty else { throw StackFailure("\(words) got no answer") }
    let code = text.prefix { $0.isUppercase }
    if !code.isEmpty, text.dropFirst(code.count).first == " " { throw StackFailure("\(words): \(text)") }
    return text
  }

  /// A fact of `INFO replication`.
  func fact(_ name: String) async throws -> String? {
    let lines = try await send("INFO", "replication").split(whereSeparator: \.isNewline)
    return lines.first { $0.hasPrefix(name + ":") }.map { String($0.dropFirst(name.count + 1)) }
  }

  /// Waits until it follows its primary.
  func waitForLink() async throws {
    do {
      _ = try await wait("the replica's link") { () -> Bool? in
        let status = try? await fact("master_link_status")
        return status == "up" ? true : nil
      }
    } catch {
      throw StackFailure("\(error): \((try? await send("INFO", "replication")) ?? "it does not answer")")
    }
  }
}
