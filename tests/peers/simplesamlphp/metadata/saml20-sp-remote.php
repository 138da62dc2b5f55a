<?php
// Read again for each request, so a service provider can be registered while this runs: its metadata is a file of the
// run's folder, and a file beside it holds what metadata cannot say (encryption, what is signed).
foreach (glob(getenv('PEER_FOLDER') . '/sp-*.xml') as $file) {
    $options = json_decode(file_get_contents("$file.json"), true);
    foreach (\SimpleSAML\Metadata\SAMLParser::parseDescriptorsFile($file) as $entity) {
        $metadata[$entity->getEntityId()] = $options + $entity->getMetadata20SP();
    }
}
