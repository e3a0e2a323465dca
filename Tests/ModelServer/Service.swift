/// What the threads of a server share, and what each does with its connection.
final class Service: Sendable {
  let plan = AnswerPlan()
  let journal = Journal()
  let connections = ClientConnections()

  /// Answers the requests of a connection until either side closes it.
  func serve(_ connection: ClientConnection) {
    var requests = RequestReader(connection)
    while let call = requests.next() {
      let behaviour = plan.next()
      if behaviour.pauses { connection.beginPause() }  // before the call is seen, so that a release cannot miss it
      journal.record(call)
      guard carryOut(behaviour, for: call, on: connection) else { break }
    }
    connection.close()
    connections.remove(connection)
  }

  /// Returns whether the connection may carry another call.
  private func carryOut(
    _ behaviour: ModelServer.Behaviour, for call: ModelServer.Call, on connection: ClientConnection
  ) -> Bool {
    switch behaviour {
    case .echo: return connection.send(Response(completionOf: call).bytes)
    case .answer(let text): return connection.send(Response(completionOf: call, text: text).bytes)
    case .status(let status, let headers, let body):
      return connection.send(Response(status: status, headers: headers, body: Array(body.utf8)).bytes)
    case .malformed(let body): return connection.send(Response(status: 200, body: Array(body.utf8)).bytes)
    case .bytes(let body, let headers):
      return connection.send(Response(status: 200, headers: headers, body: body).bytes)
    case .hold: return answer(call, on: connection, after: connection.pause(for: nil))
    case .slow(let time): return answer(call, on: connection, after: connection.pause(for: time))
    case .dieInTheMiddle:
      let response = Response(completionOf: call)
      connection.send(response.bytes.dropLast(response.body.count / 2))
      return false
    case .hangUp: return false
    case .pieces(let pieces): return pieces.allSatisfy { send($0, on: connection) }
    case .garbage:
      connection.send(Array("\u{16}\u{3}\u{1} this is not HTTP\r\n\r\n".utf8))
      return false
    }
  }

  /// Returns whether the connection is still open.
  private func send(_ piece: ModelServer.Piece, on connection: ClientConnection) -> Bool {
    let pause: ClientConnection.PauseEnd
    switch piece {
    case .bytes(let bytes): return connection.send(bytes)
    case .pause(let time): pause = connection.pause(for: time, isLast: false)
    case .hold: pause = connection.pause(for: nil)
    case .reset:
      connection.reset()
      return false
    case .end: return false
    }
    if pause == .clientLeft { journal.recordDisconnect() }
    return pause == .timeOver || pause == .released
  }

  private func answer(_ call: ModelServer.Call, on connection: ClientConnection, after pause: ClientConnection.PauseEnd)
    -> Bool
  {
    var response = Response(completionOf: call)
    switch pause {
    case .timeOver: return connection.send(response.bytes)
    case .released:
      response.headers.append(("Connection", "close"))
      connection.send(response.bytes)
    case .clientLeft: journal.recordDisconnect()
    case .closed: break
    }
    return false
  }
}

extension ModelServer.Behaviour {
  fileprivate var pauses: Bool {
    switch self {
    case .hold, .slow: true
    case .pieces(let pieces): pieces.contains { if case .hold = $0 { true } else { false } }
    case .echo, .answer, .status, .malformed, .bytes, .dieInTheMiddle, .hangUp, .garbage: false
    }
  }
}
