import Curl
import ExactJSON
import Glibc
import UnixSignals

/// Runs `wf top` at a terminal: everything that happens is one event, taken one at a time, and the screen is drawn
/// after each.
struct TopLoop {
  let reader: TopReader
  let screen: FullScreen
  /// The time between two looks.
  let interval: Duration

  private enum Event: Sendable {
    case key(TopKey)
    case looked(Result<TopSnapshot, CommandFailure>)
    case run(String, TopRun?)
    case piece(String, TextPiece)
    case note(String)
    case tick, resized, continued
    case stop(Int32)
  }

  private typealias Events = AsyncStream<Event>.Continuation

  /// Shows the state until the user quits.
  /// - Returns: the signal that has ended it; nil for the key.
  func run(_ first: TopState) async throws -> Int32? {
    let (events, out) = AsyncStream.makeStream(of: Event.self)
    let keys = try screen.input()
    screen.enter()
    defer { screen.leave() }
    let sources = await sources(keys, out)
    defer { for source in sources { source.cancel() } }
    var state = first
    var (nextLook, isLooking, number) = (ContinuousClock.now + interval, false, 0)
    var texts: Task<Void, Never>?
    defer { texts?.cancel() }
    draw(state)
    for await event in events {
      switch event {
      case .stop(let signal): return signal
      case .continued: screen.enter()
      case .resized, .tick: break
      case .note(let sentence):
        state.show(note: sentence)
        nextLook = .now
      case .looked(let result):
        isLooking = false
        state.take(result)
      case .run(let id, let run): if state.page == .steps(id) { state.take(run) }
      case .piece(let id, let piece): if state.page == .steps(id) { state.take(piece) }
      case .key(let key):
        guard let request = state.take(key) else { break }
        if request == .quit { return nil }
        if request == .close { texts?.cancel() }
        texts = perform(request, out) ?? texts
      }
      if !isLooking, .now >= nextLook {
        (isLooking, nextLook, number) = (true, .now + interval, number + 1)
        look(after: state, number, out)
      }
      draw(state)
    }
    return nil
  }

  private func draw(_ state: TopState) {
    let size = Terminal.size
    screen.draw(TopView(state: state, width: size.columns, height: size.rows).lines())
  }

  /// What makes events without being asked.
  private func sources(_ keys: AsyncStream<[UInt8]>, _ out: Events) async -> [Task<Void, Never>] {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup, .sigwinch, .sigcont)
    return [
      Task {
        for await bytes in keys { for key in TopKey.read(bytes) { out.yield(.key(key)) } }
        out.yield(.stop(SIGHUP))
      },
      Task {
        for await signal in signals {
          switch signal {
          case .sigwinch: out.yield(.resized)
          case .sigcont: out.yield(.continued)
          case .sigint: out.yield(.stop(SIGINT))
          case .sighup: out.yield(.stop(SIGHUP))
          default: out.yield(.stop(SIGTERM))
          }
        }
      },
      Task { while (try? await Task.sleep(for: .milliseconds(250))) != nil { out.yield(.tick) } },
    ]
  }

  private func look(after state: TopState, _ number: Int, _ out: Events) {
    Task {
      do {
        out.yield(.looked(.success(try await reader.look(after: state.snapshot, number: number))))
        if case .steps(let id) = state.page { await readSteps(of: id, out) }
      } catch let failure as CommandFailure {
        out.yield(.looked(.failure(failure)))
      } catch {
        out.yield(.looked(.failure(CommandFailure("\(error)"))))
      }
    }
  }

  /// Does what a key asks for.
  /// - Returns: a task that reads what models write, to be cancelled when the steps are left.
  private func perform(_ request: TopState.Request, _ out: Events) -> Task<Void, Never>? {
    switch request {
    case .quit, .close: return nil
    case .suspend:
      screen.suspend()
      return nil
    case .steer(let verb, let job):
      Task {
        do {
          let answer = try await reader.client.control(verb, job)
          let status = answer["status"]?.stringValue ?? "unknown"
          out.yield(.note("\(verb): \(job.prefix(8)) is \(status)"))
        } catch {
          out.yield(.note("\(verb) failed: \(error)"))
        }
      }
      return nil
    case .open(let job):
      return Task {
        await readSteps(of: job, out)
        await followTexts(of: job, out)
      }
    }
  }

  /// The look that comes with it reports an API that is away.
  private func readSteps(of job: String, _ out: Events) async {
    do {
      out.yield(.run(job, try await reader.run(job)))
    } catch let failure as CommandFailure where failure.code == .noInput {
      out.yield(.run(job, nil))
    } catch {}
  }

  /// Reads what models write for a run from its event stream, as long as it is shown.
  private func followTexts(of job: String, _ out: Events) async {
    while !Task.isCancelled {
      // Behind every entry: only texts and changes of the status come.
      if let body = try? await reader.client.events(of: job, after: "999999998") {
        var events = ServerSentEvents()
        var pieces = body.makeAsyncIterator()
        while let piece = try? await pieces.next() {
          for event in events.take(piece) where ["text", "token", "reset"].contains(event.name) {
            if let piece = TextPiece(event) { out.yield(.piece(job, piece)) }
          }
        }
      }
      try? await Task.sleep(for: .seconds(2))
    }
  }
}
