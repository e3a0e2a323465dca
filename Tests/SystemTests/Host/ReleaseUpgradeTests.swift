import ExactJSON
import Glibc
import SystemHarness
import Testing

/// The next release of Debian, and the package for it.
private struct Release {
  let upgrade: String
  let package: String

  /// Nil where it is not provided.
  static let next: Release? = {
    guard SharedHost.isProvided, let upgrade = getenv("HOST_UPGRADE"), let package = getenv("NEXT_PACKAGE") else {
      return nil
    }
    return Release(upgrade: String(cString: upgrade), package: String(cString: package))
  }()
}

/// A host with wf is upgraded to the next release of Debian, then gets that release's package.
///
/// `make rehearse-next` names what apt needs for that, and the package.
@Suite(
  .serialized, .timeLimit(.minutes(15)),
  .enabled(if: Release.next != nil, "as root, make rehearse-next names a HOST_UPGRADE and a NEXT_PACKAGE"))
struct ReleaseUpgradeTests {
  @Test func `An upgraded host keeps its runs and settings, serves with the old package, and takes the new one`()
    async throws
  {
    let next = try #require(Release.next)
    let container = HostContainer(options: [
      "--bind-ro=\(next.upgrade):/mnt/upgrade", "--bind-ro=\(next.package):/mnt/next.deb",
    ])
    let host = try await container.host()
    try await host.install()
    let before = try await host.submit()
    #expect(try await host.end(of: before)["status"] == "finished")
    let edited = try await host.sh("cat /etc/wf/wf.env /etc/nginx/sites-available/wf")

    try await upgradeRelease(of: host)
    #expect(try await host.end(of: before)["status"] == "finished")
    #expect(try await host.end(of: host.submit())["status"] == "finished")

    let old = try await host.sh("dpkg-query -W -f '${Version}' wf")
    try await host.sh("apt-get install /mnt/next.deb < /dev/null")
    #expect(try await host.isTrue("dpkg --compare-versions \"$(dpkg-query -W -f '${Version}' wf)\" gt \(old)") == true)
    #expect(try await host.sh("cat /etc/wf/wf.env /etc/nginx/sites-available/wf") == edited)
    #expect(try await host.sh("ldd /usr/bin/wf").contains("libhiredis.so.0.14") == false)
    #expect(try await host.end(of: before)["status"] == "finished")
    #expect(try await host.end(of: host.submit())["status"] == "finished")
    let doctor = try await wait("a content doctor") {
      let doctor = try await host.run(["wf", "doctor"])
      return doctor.code == 0 ? doctor : nil
    }
    #expect(!doctor.output.contains("FAILED"), "\(doctor.output)")

    try await host.sh("apt-get remove wf; nginx -t; test ! -e /usr/bin/wf; apt-get purge wf")
    #expect(try await host.sh("systemctl list-units --no-legend --state=active 'wf*'") == "")
  }

  /// With what `make` has fetched: the host has no network. Settings stay as they are.
  private func upgradeRelease(of host: Host) async throws {
    try await host.sh(
      """
      cp /mnt/upgrade/sources.list /etc/apt/sources.list
      cp -r /mnt/upgrade/lists/. /var/lib/apt/lists/
      cp /mnt/upgrade/archives/*.deb /var/cache/apt/archives/
      apt-get -o Dpkg::Options::=--force-confold --no-download full-upgrade < /dev/null > /root/upgrade.log 2>&1 \
        || { tail -n 50 /root/upgrade.log; exit 1; }
      grep -q ^13 /etc/debian_version
      systemctl is-active redis-server nginx wf-api.socket wf-worker
      """)
  }
}
