import Glibc
import RedisFixture
import SystemPackage

/// A folder with a script that takes the place of a program, where `PATH` has the folder first.
final class ProgramWrapper: Sendable {
  private let folder: String
  private let program: String

  /// A wrapper in its own folder under `/tmp`.
  /// - Parameter script: what `sh` does in place of the program.
  init(_ program: String, script: String) throws {
    self.program = program
    folder = RedisServer.makeFolder("wrapper")
    try Shell.write("#!/bin/sh\n\(script)\n", to: "\(folder)/\(program)", permissions: [.ownerReadWriteExecute])
  }

  deinit { RedisServer.removeFolder(folder) }

  /// A `redis-server` that runs under a clock.
  static func redis(_ clock: FakeClock) throws -> ProgramWrapper {
    let variables = clock.environment.map { "\($0)='\($1)'" }.joined(separator: " ")
    return try ProgramWrapper(
      "redis-server", script: "exec env \(variables) \(RedisServer.executable) \"$@\"")
  }

  /// A `setpriv`, by which `wf dev` starts its parts, that puts each worker and each API on the host of its number.
  static func placing(on network: Network) throws -> ProgramWrapper {
    let cases = Network.hosts.map { host in
      let api = host == 1 ? "api" : "api-\(host)"
      return "*/log/worker-\(host).log | */log/\(api).log) net=\(network.namespace(of: host)) ;;"
    }
    return try ProgramWrapper(
      "setpriv",
      script: """
        # A part writes into its log, which has its name.
        case $(readlink /proc/$$/fd/1) in
          \(cases.joined(separator: "\n  "))
        esac
        exec ${net:+nsenter --net="$net"} /usr/bin/setpriv "$@"
        """)
  }

  /// A `PATH` on which it comes first.
  var path: String { folder + ":" + (getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin") }
}
