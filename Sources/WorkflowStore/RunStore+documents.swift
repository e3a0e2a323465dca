import Hiredis
import Workflow

extension RunStore {
  /// Reads the documents of a run that a claim brought without them. Nothing is written, and no token is asked for:
  /// what the run records is fenced.
  ///
  /// They are read in portions of 512 KiB, so that no other client waits for them.
  public func read(_ run: UnreadRun) async throws(StoreError) -> ClaimedRun {
    let head = run.head
    let text = try await submitted(of: head.held.id, bytes: head.documentBytes)
    guard head.isRecorded else { return try ClaimedRun(head, submitted: text, cache: steps) }
    let documents = try await documents(of: head.held.id)
    let outputs = try await recorded(of: head.held.id, documents)
    return try ClaimedRun(head, submitted: text, outputs: outputs, documents: documents, cache: steps)
  }

  /// Reads the steps of a run that has not finished; nil when they are not there.
  /// - Parameter beginning: what was read of its submitted text before.
  func steps(of id: JobID, beginning: [UInt8]) async throws(StoreError) -> [UInt8]? {
    if let steps = RunDocuments.steps(in: beginning) { return steps }
    guard let bytes = RunDocuments.stepBytes(in: beginning) else { return nil }
    let text = try await submitted(of: id, bytes: RunDocuments.headBytes + bytes)
    return Array(text.dropFirst(RunDocuments.headBytes))
  }

  /// Reads the beginning of what was submitted.
  func submitted(of id: JobID, bytes: Int) async throws(StoreError) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(bytes)
    while text.count < bytes {
      let last = min(bytes, text.count + RunDocuments.mostPerCall) - 1
      let portion = try await send(["GETRANGE", keys.documents(id), "\(text.count)", "\(last)"]).bytesValue ?? []
      if portion.isEmpty { break }
      text += portion
    }
    return text
  }

  /// How the documents of a run lie in Redis.
  func documents(of id: JobID) async throws(StoreError) -> RunDocuments {
    let replies = try await send([["STRLEN", keys.documents(id)], ["GETRANGE", keys.documents(id), "0", "7"]])
    let stepBytes = RunDocuments.stepBytes(in: replies[1].bytesValue ?? []) ?? 0
    let inputs = max(0, (replies[0].int ?? 0) - RunDocuments.headBytes - stepBytes)
    let names = try await send(["HKEYS", keys.outputs(id)]).array?.compactMap(\.string) ?? []
    let lengths = try await lengths(of: names, id)
    // A mark is short.
    let short = names.filter { !$0.contains("/") && !$0.hasPrefix("place:") && (lengths[$0] ?? 0) < 16 }
    let marks = try await outputs(short, lengths, of: id)
    var extents: [String: RunDocuments.Extent] = [:]
    for name in names where !name.contains("/") && !name.hasPrefix("place:") {
      let pieces = marks[name].flatMap { RunDocuments.pieces(in: $0) }
      let bytes = pieces.map { (0..<$0).reduce(0) { $0 + (lengths[RunDocuments.name(of: name, piece: $1)] ?? 0) } }
      extents[name] = .init(bytes: bytes ?? lengths[name] ?? 0, pieces: pieces)
    }
    return RunDocuments(inputs: inputs, extents: extents)
  }

  /// Reads what the recorded steps of a run returned and where they stored something.
  private func recorded(of id: JobID, _ documents: RunDocuments) async throws(StoreError) -> [String: [UInt8]] {
    let names = try await send(["HKEYS", keys.outputs(id)]).array?.compactMap(\.string) ?? []
    let ended = Set(names.filter { $0.hasPrefix("out:") || $0.hasPrefix("end:") }.map { String($0.dropFirst(4)) })
    let known = Set(names)
    // The items of a step that has ended are in its outputs, and the parts of an item in those of the item.
    let heads = names.filter { name in
      if name.contains("/") || name.hasPrefix("stored:") { return false }
      guard name.hasPrefix("item:") else { return true }
      let unit = StepUnit(name: name.dropFirst(5))
      return !ended.contains(unit.step)
        && (unit.part == nil || !known.contains("item:" + StepUnit(unit.step, item: unit.item).name))
    }
    var texts = try await outputs(heads, documents.lengths(of: heads), of: id)
    for (name, value) in texts {
      guard let count = RunDocuments.pieces(in: value) else { continue }
      texts[name] = try await joined(count, of: name, id)
    }
    return texts
  }

  private func lengths(of names: [String], _ id: JobID) async throws(StoreError) -> [String: Int] {
    if names.isEmpty { return [:] }
    // One more, so that they are several.
    let commands: [RedisArguments] = (names + [""]).map { ["HSTRLEN", keys.outputs(id), $0] }
    let replies = try await send(commands)
    return Dictionary(zip(names, replies.map { $0.int ?? 0 }), uniquingKeysWith: { $1 })
  }

  /// A document that lies in pieces.
  private func joined(_ count: Int, of name: String, _ id: JobID) async throws(StoreError) -> [UInt8] {
    let pieces = (0..<count).map { RunDocuments.name(of: name, piece: $0) }
    let texts = try await outputs(pieces, of: id)
    return pieces.flatMap { texts[$0] ?? [] }
  }

  /// Reads fields of what a run has recorded, those that are there, in portions of 512 KiB as far as the lengths are
  /// known.
  func outputs(
    _ names: [String], _ lengths: [String: Int] = [:], of id: JobID
  ) async throws(StoreError) -> [String: [UInt8]] {
    var found: [String: [UInt8]] = [:]
    var rest = names[...]
    while !rest.isEmpty {
      var bytes = 0
      let end = rest.dropFirst().firstIndex { name in
        bytes += lengths[name] ?? RunDocuments.piece
        return bytes > RunDocuments.mostPerCall
      }
      let portion = rest[..<(end ?? rest.endIndex)]
      rest = rest[portion.endIndex...]
      var command: RedisArguments = ["HMGET", keys.outputs(id)]
      for name in portion { command.append(name) }
      for (name, value) in zip(portion, try await send(command).array ?? []) { found[name] = value.bytesValue }
    }
    return found
  }

  /// Reads the outputs of steps, those that are there, whether or not they lie in pieces.
  func outputs(of steps: [String], _ id: JobID) async throws(StoreError) -> [String: [UInt8]] {
    let heads = try await outputs(steps.map { "out:" + $0 }, of: id)
    var texts: [String: [UInt8]] = [:]
    for (name, value) in heads {
      let step = String(name.dropFirst(4))
      guard let count = RunDocuments.pieces(in: value) else {
        texts[step] = value
        continue
      }
      texts[step] = try await joined(count, of: name, id)
    }
    return texts
  }

  /// The answers to several commands; the first error is thrown.
  func send(_ commands: [RedisArguments]) async throws(StoreError) -> [RedisReply] {
    do throws(RedisError) {
      let replies = try await connection.send(commands, timeout: timeout)
      for case .error(let error) in replies { throw RedisError.reply(error) }
      return replies
    } catch {
      throw failure(error)
    }
  }
}

extension RunDocuments {
  /// Bytes that lie under the names of documents; those of a mark are not counted.
  fileprivate func lengths(of names: [String]) -> [String: Int] {
    Dictionary(
      names.map { name in (name, extent(of: name).pieces == nil ? extent(of: name).bytes : 0) },
      uniquingKeysWith: { $1 })
  }
}
