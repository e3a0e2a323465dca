import Glibc
import Subprocess
import SystemHarness
import SystemPackage

/// A container with the Debian of `HOST_ROOT`, booted by whoever asks first; it goes when the tests' process does.
actor HostContainer {
  /// More options of `systemd-nspawn`.
  private let options: [String]
  private var booting: Task<Host, any Error>?

  init(options: [String] = []) { self.options = options }

  private var hasComplained = false

  /// Whether this machine can boot it; if not, a line says why.
  func boots() async -> Bool {
    do {
      _ = try await host()
      return true
    } catch {
      if !hasComplained { print("no rehearsal on a booted host: \(error)") }
      hasComplained = true
      return false
    }
  }

  /// The host, before wf is installed.
  func host() async throws -> Host {
    if let booting { return try await booting.value }
    let (processes, continuation) = AsyncThrowingStream<(nspawn: pid_t, console: String), any Error>.makeStream()
    Task.detached { [options] in
      do {
        try await HostContainer.withContainer(options) { continuation.yield($0) }
        throw StackFailure("the container ended")
      } catch {
        continuation.finish(throwing: error)
      }
    }
    let task = Task<Host, any Error> {
      for try await process in processes { return try await HostContainer.booted(process.nspawn, process.console) }
      throw StackFailure("systemd-nspawn did not start")
    }
    booting = task
    return try await task.value
  }

  /// The container is powered off when the script's standard input ends, so that it goes when the tests do.
  private static let script = """
    console=$(mktemp)
    systemd-nspawn --quiet --register=no --keep-unit --private-network --volatile=overlay --capability=all \
      --system-call-filter=bpf --boot --console=read-only --directory="$HOST_ROOT" \
      --bind-ro="$HOST_PACKAGE":/mnt/.build/wf_rehearsal.deb "$@" > "$console" 2>&1 < /dev/null &
    echo $! "$console"
    cat > /dev/null
    kill $!
    wait $!
    rm "$console"
    """

  private static func withContainer(
    _ more: [String], _ started: @escaping @Sendable ((nspawn: pid_t, console: String)) -> Void
  ) async throws {
    var options = PlatformOptions()
    options.processGroupID = 0
    _ = try await Subprocess.run(
      .name("sh"), arguments: Arguments(["-c", script, "sh"] + more), platformOptions: options, input: .inputWriter,
      output: .sequence,
      error: .currentStandardError
    ) { execution in
      var lines = execution.standardOutput.strings().makeAsyncIterator()
      let words = try await lines.next()?.split(whereSeparator: \.isWhitespace).map(String.init) ?? []
      guard words.count == 2, let process = pid_t(words[0]) else { throw StackFailure("no process of systemd-nspawn") }
      started((process, words[1]))
      for await _ in AsyncStream<Never>.makeStream().stream {}
    }
  }

  private static func booted(_ nspawn: pid_t, _ console: String) async throws -> Host {
    let host = try await wait("systemd in the container", within: .seconds(90)) { () -> Host? in
      guard realpath("/proc/\(nspawn)/exe", nil) != nil else {
        throw StackFailure(String(decoding: try Stack.read(console), as: UTF8.self))
      }
      let children = String(decoding: try Stack.read("/proc/\(nspawn)/task/\(nspawn)/children"), as: UTF8.self)
      guard let process = children.split(separator: " ").first.flatMap({ pid_t($0) }) else { return nil }
      let host = Host(initProcess: process)
      let state = try await host.run(["systemctl", "is-system-running", "--wait"]).output
      return ["running\n", "degraded\n"].contains(state) ? host : nil
    }
    try await host.prepare()
    return host
  }
}
