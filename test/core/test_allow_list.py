"""What a worker's domain may show, and the policies that are made of it."""

from xml.etree import ElementTree

from pedsam_ros.core import sros2
from pedsam_ros.core.allow_list import sides
from pedsam_ros.core.workers_file import WorkerEntry


def rights(enclave: ElementTree.Element, right: str) -> set[str]:
    """The topics that a policy allows an enclave to publish or to subscribe to."""
    found = enclave.findall(f'profiles/profile/topics[@{right}="ALLOW"]/topic')
    return {topic.text or '' for topic in found}


def test_what_one_side_publishes_the_other_reads():
    """Except `/parameter_events`, which every node publishes and nobody reads."""
    edge, worker = sides('alice')['edge'], sides('alice')['worker']
    assert edge.publishes - worker.subscribes == {'/parameter_events'}
    assert worker.publishes - edge.subscribes == {'/parameter_events'}
    assert edge.subscribes < worker.publishes
    assert worker.subscribes < edge.publishes


def test_a_policy_allows_what_the_list_allows():
    """One enclave for each side, with its topics and no service, action or denial."""
    enclaves = ElementTree.fromstring(sros2.policy('alice')).findall('enclaves/enclave')
    assert [each.get('path') for each in enclaves] == [
        '/pedsam/alice/edge',
        '/pedsam/alice/worker',
    ]
    for enclave, side in zip(enclaves, sides('alice').values(), strict=True):
        assert rights(enclave, 'publish') == side.publishes
        assert rights(enclave, 'subscribe') == side.subscribes
        (profile,) = enclave.findall('profiles/profile')
        assert (profile.get('ns'), profile.get('node')) == ('/', side.node)
        assert {child.tag for child in profile} == {'topics'}


def test_workers_share_no_topic_and_no_enclave():
    """So neither a certificate nor a permission of one means anything in another's domain."""
    alice, bob = sros2.policy('alice'), sros2.policy('bob')
    assert 'bob' not in alice
    assert 'alice' not in bob
    both = [WorkerEntry(name='alice', domain_id=11), WorkerEntry(name='bob', domain_id=12)]
    made = sros2.script(both).split('export ROS_DOMAIN_ID=')
    assert 'authority/alice' in made[1]
    assert 'authority/alice' not in made[2]
