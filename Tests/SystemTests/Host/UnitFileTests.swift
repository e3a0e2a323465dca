import Glibc
import Subprocess
import SystemHarness
import SystemPackage
import Testing

/// The files that a host gets, as their own checkers see them; nothing is booted.
@Suite struct UnitFileTests {
  private static let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
    .removingLastComponent().string
  private static let services = ["wf-api.service", "wf-worker.service", "wf-worker@.service"]

  /// Runs a shell script in a folder that holds the units, with the program that they start in its place.
  private func withUnits(_ script: String) async throws -> (code: Int32, text: String) {
    let prepare = """
      set -eu
      folder=$(mktemp -d)
      trap 'rm -rf "$folder"' EXIT
      cp -r "$1"/systemd/wf-* "$folder"
      cp "$folder/wf-worker.service" "$folder/wf-worker@.service"
      sed -i "s|/usr/local/bin/wf|$2|" "$folder"/*.service
      cd "$folder"

      """
    let result = try await Subprocess.run(
      .name("sh"),
      arguments: ["-c", prepare + script + " 2>&1", "sh", UnitFileTests.root, Stack.executable],
      output: .string(limit: 1 << 20), error: .discarded)
    guard case .exited(let code) = result.terminationStatus else { return (-1, "\(result.terminationStatus)") }
    return (code, result.standardOutput)
  }

  @Test func `systemd finds nothing to say about the units`() async throws {
    let outcome = try await withUnits("systemd-analyze verify ./*.service ./*.socket")
    #expect(outcome.code == 0)
    #expect(outcome.text == "")
  }

  @Test(arguments: services) func `a service is exposed to little`(service: String) async throws {
    let outcome = try await withUnits("systemd-analyze security --offline=true --threshold=20 ./\(service)")
    #expect(outcome.code == 0, "\(outcome.text)")
  }

  @Test func `nginx accepts the production site`() async throws {
    let outcome = try await withUnits(
      """
      openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=wf.example.org -keyout key -out certificate 2> /dev/null
      mkdir snippets
      cp "$1/nginx/wf-locations.conf" snippets
      sed -e "s|/etc/ssl/certs/wf.pem|$folder/certificate|" -e "s|/etc/ssl/private/wf.key|$folder/key|" \
        "$1/nginx/wf.conf" > site
      echo "error_log stderr; pid $folder/pid; events {} http { access_log off; include $folder/site; }" > nginx.conf
      nginx -t -q -e stderr -p "$folder" -c nginx.conf
      """)
    #expect(outcome.code == 0)
    #expect(outcome.text == "")
  }
}
