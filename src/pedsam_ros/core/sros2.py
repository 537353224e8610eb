"""SROS2 policies with the least rights: what core/allow_list.py lists, and nothing else.

`ros2 security` makes keys, certificates, governance (everything encrypted, no unauthenticated
participant) and signed permissions of them. Each worker's domain has a certificate authority of
its own, so that no worker's certificate counts in another domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from pedsam_ros.core.allow_list import enclave, sides
from pedsam_ros.core.workers_file import WorkerEntry

_VERSION = '0.2.0'  # of SROS2's policy format, from Foxy on
_HEAD = """\
#!/bin/sh
# Written by `pedsam sros2`: makes keystores of the policies beside it. Needs `ros2 security`.
#   edge/           for the robot: an enclave for every worker's domain
#   workers/NAME/   for that worker's operator
#   authority/NAME/ the keys that sign; keep them where no node runs
set -eu
umask 077
cd "$(dirname "$0")"
"""


def policy(worker: str) -> str:
    """The policy file of a worker's domain, in SROS2's format: one enclave for each side."""
    root = ElementTree.Element('policy', version=_VERSION)
    enclaves = ElementTree.SubElement(root, 'enclaves')
    for name, side in sides(worker).items():
        path = ElementTree.SubElement(enclaves, 'enclave', path=enclave(worker, name))
        profiles = ElementTree.SubElement(path, 'profiles')
        profile = ElementTree.SubElement(profiles, 'profile', ns='/', node=side.node)
        for right, names in (('publish', side.publishes), ('subscribe', side.subscribes)):
            topics = ElementTree.SubElement(profile, 'topics', {right: 'ALLOW'})
            for each in sorted(names):
                ElementTree.SubElement(topics, 'topic').text = each
    ElementTree.indent(root)
    return ElementTree.tostring(root, 'unicode', xml_declaration=True) + '\n'


def script(workers: Sequence[WorkerEntry]) -> str:
    """A shell script that makes all keystores of the policy files NAME.policy.xml beside it."""
    return _HEAD + ''.join(_commands(worker) for worker in workers)


def _commands(worker: WorkerEntry) -> str:
    name = worker.name
    lines = [
        '',
        f'export ROS_DOMAIN_ID={worker.domain_id}  # which the signed files name',
        f'ros2 security create_keystore authority/{name}',
    ]
    for side, store in (('edge', 'edge'), ('worker', f'workers/{name}')):
        path = enclave(name, side)
        lines += [
            f'ros2 security create_enclave authority/{name} {path}',
            f'ros2 security create_permission authority/{name} {path} {name}.policy.xml',
            f'mkdir -p {store}/enclaves/pedsam/{name}',
            f'cp -RL authority/{name}/enclaves{path} {store}/enclaves/pedsam/{name}/',
        ]
    return '\n'.join(lines) + '\n'
