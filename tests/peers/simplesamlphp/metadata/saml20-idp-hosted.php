<?php
$email = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';

// The first key signs; a second one is published beside it.
$keys = json_decode(file_get_contents(getenv('PEER_FOLDER') . '/keys.json'));

$metadata[getenv('PEER_URL') . '/idp'] = [
    'host' => '__DEFAULT__',
    'privatekey' => $keys[0] . '.key',
    'certificate' => $keys[0] . '.crt',
    'auth' => 'people',
    'validate.authnrequest' => true,
    'sign.logout' => true,
    'validate.logout' => true,
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'NameIDFormat' => $email,
    'authproc' => [3 => ['class' => 'saml:AttributeNameID', 'attribute' => 'mail', 'Format' => $email]],
] + (count($keys) < 2 ? [] : [
    'new_privatekey' => $keys[1] . '.key',
    'new_certificate' => $keys[1] . '.crt',
]);
