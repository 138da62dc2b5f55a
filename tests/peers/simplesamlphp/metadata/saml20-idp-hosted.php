<?php
$email = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';

$metadata[getenv('PEER_URL') . '/idp'] = [
    'host' => '__DEFAULT__',
    'privatekey' => 'simplesamlphp.key',
    'certificate' => 'simplesamlphp.crt',
    'auth' => 'people',
    'validate.authnrequest' => true,
    'sign.logout' => true,
    'validate.logout' => true,
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'NameIDFormat' => $email,
    'authproc' => [3 => ['class' => 'saml:AttributeNameID', 'attribute' => 'mail', 'Format' => $email]],
];
