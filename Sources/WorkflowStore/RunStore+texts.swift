import Hiredis

extension Partitions {
  /// Appends pieces to texts, each behind what is there, and notifies those who follow the runs. Safe to send twice.
  /// - Returns: the outcome of each.
  public func write(_ pieces: [StreamedPiece]) async -> [PieceOutcome] {
    var outcomes = Array(repeating: PieceOutcome.unanswered, count: pieces.count)
    let groups = grouped(pieces)
    if isSpread {
      // A partition that is away holds up no text of another one.
      let answers = await answers { number, store throws(StoreError) in
        groups[number].isEmpty ? [] : try await store.write(groups[number].map { pieces[$0] })
      }
      for (indices, answer) in zip(groups, answers) {
        guard case .success(let found) = answer else { continue }
        for (index, outcome) in zip(indices, found) { outcomes[index] = outcome }
      }
      return outcomes
    }
    for (indices, store) in zip(groups, all) where !indices.isEmpty {
      guard let found = try? await store.write(indices.map { pieces[$0] }) else { continue }
      for (index, outcome) in zip(indices, found) { outcomes[index] = outcome }
    }
    return outcomes
  }

  /// The positions of pieces, by the number of their partition.
  private func grouped(_ pieces: [StreamedPiece]) -> [[Int]] {
    var groups = Array(repeating: [Int](), count: count)
    for (index, piece) in pieces.enumerated() { groups[number(of: piece.run.id)].append(index) }
    return groups
  }
}

extension RunStore {
  /// How long a text is kept after its last piece, where no worker says that it is over.
  private static let keptText = Duration.seconds(3_600)
  /// Bytes of the texts of a run that are read at most.
  private static let mostTextBytes = 4 << 20

  /// Appends pieces to texts of this partition.
  func write(_ pieces: [StreamedPiece]) async throws(StoreError) -> [PieceOutcome] {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(Int(Self.keptText.components.seconds))
    for piece in pieces {
      arguments.append(piece.run.id.description)
      arguments.append(piece.run.token)
      arguments.append(piece.unit.name)
      arguments.append(piece.attempt)
      arguments.append(piece.offset)
      arguments.append(piece.text)
    }
    let reply = try await evaluate(Scripts.stream, [keys.holds], arguments)
    guard let known = reply.array?.compactMap(\.int), known.count == pieces.count else {
      throw Self.damaged(Scripts.stream, reply)
    }
    return known.map { $0 < 0 ? .lost : .known($0) }
  }

  /// Reads the texts that models are writing for a run.
  func texts(of id: JobID) async throws(StoreError) -> [StepUnit: StreamedText] {
    var arguments = RedisArguments()
    arguments.append(keys.textStart(id))
    arguments.append(Self.mostTextBytes)
    arguments.append(id.description)
    let reply = try await evaluate(Scripts.texts, [keys.texts(id), keys.holds], arguments)
    guard let entries = reply.array else { throw Self.damaged(Scripts.texts, reply) }
    var texts: [StepUnit: StreamedText] = [:]
    for entry in entries {
      guard let parts = entry.array, parts.count == 3, let unit = parts[0].string,
        let attempt = parts[1].string.flatMap(StreamedText.Attempt.init), let bytes = parts[2].bytesValue
      else { throw Self.damaged(Scripts.texts, reply) }
      texts[StepUnit(name: unit)] = StreamedText(attempt: attempt, bytes: bytes)
    }
    return texts
  }
}
