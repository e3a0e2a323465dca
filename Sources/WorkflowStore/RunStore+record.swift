import ExactJSON
import Hiredis
import Workflow

extension RunStore {
  /// Writes a record of a run in hand.
  /// - Parameters:
  ///   - token: the fencing token of the claim.
  ///   - sequence: the number of this record within the claim, from 1; sent again, it is the same record.
  public func record(
    _ record: RunRecord, of id: JobID, token: String, sequence: Int
  ) async throws(StoreError) -> RecordAnswer {
    var names = [keys.job(id), keys.progress(id), keys.result(id), keys.leases, queue(for: record)]
    var arguments = RedisArguments()
    arguments.append(id.description)
    arguments.append(token)
    arguments.append(sequence)
    arguments.append(limits.retain)
    arguments.append(limits.storeItems)
    arguments.append(keys.eventsChannel(id))
    arguments.append(keys.wakeChannel)
    arguments.append(record.hasStepUnderWay ? 1 : 0)
    arguments.append(record.end?.name ?? "")
    append(record, to: &arguments, names: &names)
    record.end.commitPoints.before.pass()
    let reply = try await evaluate(Scripts.record, names, arguments)
    record.end.commitPoints.after.pass()
    let words = reply.array?.map { $0.string ?? "" } ?? []
    switch (words.first, words.count) {
    case ("recorded", 1): return .recorded
    case ("lost", 2): return .lost(words[1])
    case ("refused", 3): return .refused(words[1], namespace: keys.namespace(ofStore: words[2]))
    default: throw RunStore.damaged(Scripts.record, reply)
    }
  }

  private func queue(for record: RunRecord) -> String {
    if case .handedBack(asSuspect: true) = record.end { keys.suspects } else { keys.queue }
  }

  private func append(_ record: RunRecord, to arguments: inout RedisArguments, names: inout [String]) {
    let now = ContinuousClock.now
    for item in record.items {
      switch item {
      case .entry(let message, let instant):
        arguments.append("entry")
        arguments.append((now - instant).microseconds)
        arguments.append(message.members)
      case .checkpoint(let step, let outputs, let inLog, let instant):
        arguments.append("done")
        arguments.append((now - instant).microseconds)
        arguments.append(step)
        arguments.append(outputs)
        arguments.append(inLog ? 1 : 0)
      case .stored(let step, let order, let namespace, let value):
        let name = keys.store(namespace)
        // By bytes, as Redis tells keys apart: for Swift a composed and a decomposed é are the same.
        let known = names.firstIndex { $0.utf8.elementsEqual(name.utf8) }
        if known == nil { names.append(name) }
        arguments.append("store")
        arguments.append((known ?? names.count - 1) + 1)
        arguments.append(step)
        arguments.append("\(order)," + JSONValue.string(namespace).text)
        arguments.append(value)
      }
    }
    if let end = record.end { append(end, to: &arguments) }
  }

  private func append(_ end: RunRecord.End, to arguments: inout RedisArguments) {
    switch end {
    case .handedBack: break
    case .failed(let failure):
      arguments.append("error")
      arguments.append(failure.code.rawValue)
      arguments.append(failure.message)
    case .finished(let result):
      for piece in result.pieces {
        arguments.append("piece")
        switch piece {
        case .text(let text):
          arguments.append("text")
          arguments.append(text)
        case .inputs:
          arguments.append("inputs")
          arguments.append("")
        case .outputs(let step):
          arguments.append("out:")
          arguments.append(step)
        case .stored(let step):
          arguments.append("stored:")
          arguments.append(step)
        }
      }
    }
  }
}

extension RunRecord.End? {
  fileprivate var commitPoints: (before: CommitPoint, after: CommitPoint) {
    switch self {
    case nil: (.beforeRecord, .afterRecord)
    case .finished, .failed: (.beforeFinish, .afterFinish)
    case .handedBack: (.beforeHandBack, .afterHandBack)
    }
  }
}

extension RunRecord.End {
  fileprivate var name: String {
    switch self {
    case .finished: "finished"
    case .failed: "failed"
    case .handedBack: "queued"
    }
  }
}
